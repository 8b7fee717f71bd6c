/** The header lines that a configuration adds and removes, compiled to one list of steps for all levels. */

import type { Headers } from '../api/headers.ts';
import { checkHeader, isToken } from '../api/headers.ts';
import type { Findings, Path } from './findings.ts';
import type { RouteRequest } from './route-request.ts';
import type { RouteActionConfig } from './router-schema.ts';

type HeadersToAdd = RouteActionConfig['request_headers_to_add'];

/** One level (route, virtual host or router): what it adds, then what it removes. */
export interface MutationLevel {
  readonly add: HeadersToAdd;
  readonly remove: readonly string[];
}

interface Step {
  /** In lower case. */
  readonly name: string;
  /** Undefined: remove. */
  readonly value: string | undefined;
  /** `value` names a variable. */
  readonly isVariable: boolean;
  readonly append: boolean;
}

/** The one header whose lines cannot be joined by commas (RFC 9110, section 5.3). */
const SET_COOKIE = 'set-cookie';

/** They belong to the connection or say where a message ends: only codecs write them (RFC 9110, section 7.6.1). */
const FRAMING: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

const VARIABLE = /^%([^%]+)%$/;

export class HeaderMutations {
  readonly #steps: readonly Step[];

  constructor(levels: readonly MutationLevel[]) {
    this.#steps = levels.flatMap(({ add, remove }) => [...add.map(addition), ...remove.map(removal)]);
  }

  get isEmpty(): boolean {
    return this.#steps.length === 0;
  }

  apply(headers: Headers, request: RouteRequest): void {
    for (const { name, value, isVariable, append } of this.#steps) {
      if (value === undefined) {
        headers.remove(name);
        continue;
      }
      const text = isVariable ? variableText(request, value) : value;
      const present = append ? headers.get(name) : undefined;
      if (present === undefined || present === '') headers.set(name, text);
      else if (text === '') continue;
      else if (name === SET_COOKIE) headers.append(name, text);
      else headers.set(name, `${headers.getAll(name).join(',')},${text}`);
    }
  }
}

function addition({ header, append }: HeadersToAdd[number]): Step {
  const variable = VARIABLE.exec(header.value)?.[1];
  return {
    name: header.key.toLowerCase(),
    value: variable ?? header.value,
    isVariable: variable !== undefined,
    append,
  };
}

function removal(name: string): Step {
  return { name: name.toLowerCase(), value: undefined, isVariable: false, append: false };
}

/** A variable that is not set, or whose value cannot stand in a header, is `''`: nothing that a client sent stays. */
function variableText(request: RouteRequest, name: string): string {
  const text = request.getVariable(name) ?? '';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0 || code === 10 || code === 13 || code > 0xff) return '';
  }
  return text;
}

type MutationConfig = Pick<
  RouteActionConfig,
  'request_headers_to_add' | 'request_headers_to_remove' | 'response_headers_to_add' | 'response_headers_to_remove'
>;

/** Notes what is wrong with the four lists of one level. */
export function checkMutations(config: MutationConfig, path: Path, findings: Findings): void {
  for (const key of ['request_headers_to_add', 'response_headers_to_add'] as const) {
    for (const [i, { header }] of config[key].entries()) {
      const at = [...path, key, i, 'header'];
      checkName(header.key, [...at, 'key'], findings);
      if (!isFieldValue(header.value)) findings.problem([...at, 'value'], 'is not a valid header value');
    }
  }
  for (const key of ['request_headers_to_remove', 'response_headers_to_remove'] as const) {
    for (const [i, name] of config[key].entries()) checkName(name, [...path, key, i], findings);
  }
}

function checkName(name: string, path: Path, findings: Findings): void {
  const lower = name.toLowerCase();
  if (!isToken(name)) findings.problem(path, `${JSON.stringify(name)} is not a valid header name`);
  else if (FRAMING.has(lower)) findings.problem(path, `${lower} is written by the proxy and cannot be changed`);
  else if (lower === 'host') findings.problem(path, 'host cannot be changed here, use host_rewrite');
}

function isFieldValue(value: string): boolean {
  try {
    checkHeader('x', value);
  } catch {
    return false;
  }
  // Header values are latin1 on the wire.
  return Buffer.from(value, 'latin1').toString('latin1') === value;
}
