/** A strict reader of Prometheus' text format 0.0.4: throws for what a scraper would refuse. */

import assert from 'node:assert/strict';

export interface ParsedSample {
  name: string;
  labels: Map<string, string>;
  value: number;
}

export interface ParsedFamily {
  name: string;
  type: string;
  help: string;
  samples: ParsedSample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`, 's');
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)/y;

export function parseExposition(text: string): Map<string, ParsedFamily> {
  assert.ok(text.endsWith('\n'));
  const families = new Map<string, ParsedFamily>();
  const help = new Map<string, string>();
  const seen = new Set<string>();
  let family: ParsedFamily | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/s.exec(line) ?? [];
    if (kind === 'HELP') {
      help.set(name, rest);
    } else if (kind === 'TYPE') {
      assert.ok(!families.has(name), `second TYPE of ${name}`);
      assert.match(rest, /^(counter|gauge|histogram)$/);
      family = { name, type: rest, help: help.get(name) ?? '', samples: [] };
      families.set(name, family);
    } else {
      const sample = parseSample(line);
      assert.ok(family, `sample before TYPE: ${line}`);
      const suffix = sample.name.slice(family.name.length);
      const suffixes = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      assert.ok(sample.name.startsWith(family.name) && suffixes.includes(suffix), `${line} in ${family.name}`);
      const id = `${sample.name} ${JSON.stringify([...sample.labels].sort())}`;
      assert.ok(!seen.has(id), `twice: ${line}`);
      seen.add(id);
      family.samples.push(sample);
    }
  }
  return families;
}

function parseSample(line: string): ParsedSample {
  const [, name, body = '', number] = SAMPLE.exec(line) ?? assert.fail(`no sample: ${line}`);
  const labels = new Map<string, string>();
  for (LABEL.lastIndex = 0; LABEL.lastIndex < body.length; ) {
    const [, label, value] = LABEL.exec(body) ?? assert.fail(`no labels: ${body}`);
    labels.set(label as string, unescapeLabel(value as string));
  }
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
  assert.ok(!Number.isNaN(value), line);
  return { name: name as string, labels, value };
}

function unescapeLabel(text: string): string {
  return text.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
}
