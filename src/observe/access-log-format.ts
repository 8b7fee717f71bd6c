/** Access-log formats: literal text and `%variable%`, compiled once into a function. */

import { escapeText } from './escape.ts';
import type { StreamInfo } from './stream-info.ts';
import { isOwnText, resolveVariable, type VariableGetter } from './variables.ts';

/** Makes the line of one stream, without a line feed. */
export type Formatter = (stream: StreamInfo) => string;

/** MOSN's; the two blanks after `trace_id` are its own. */
export const DEFAULT_FORMAT =
  '%start_time% %trace_id%  %connection_id% %upstream_connection_id% %request_received_duration% ' +
  '%response_received_duration% %bytes_sent% %bytes_received% %protocol% %response_code% %duration% %response_flag% ' +
  '%response_code% %upstream_local_address% %downstream_local_address% %downstream_remote_address% %upstream_host%';

/** Stands for a value that the stream does not have. */
const MISSING = '-';

/** One variable and the literal text before it. */
class Part {
  readonly literal: string;
  readonly get: VariableGetter;
  readonly escape: boolean;

  constructor(literal: string, name: string) {
    this.literal = literal;
    this.get = resolveVariable(name);
    this.escape = !isOwnText(name);
  }
}

/**
 * Compiles a format. `\%` is a percent sign. Throws for an empty name (`%%`) and for a name that is not closed, with
 * the offset of its first percent sign.
 */
export function compileFormat(format: string): Formatter {
  const parts: Part[] = [];
  let literal = '';
  for (let at = 0; at < format.length; ) {
    const c = format[at] as string;
    if (c === '\\' && format[at + 1] === '%') {
      literal += '%';
      at += 2;
    } else if (c !== '%') {
      literal += c;
      at++;
    } else {
      const end = format.indexOf('%', at + 1);
      if (end < 0) throw new Error(`offset ${at}: variable without closing %`);
      if (end === at + 1) throw new Error(`offset ${at}: %% names no variable; a percent sign is written \\%`);
      parts.push(new Part(literal, format.slice(at + 1, end)));
      literal = '';
      at = end + 1;
    }
  }
  const tail = literal;
  return (stream) => {
    let line = '';
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i] as Part;
      const value = part.get(stream);
      line += part.literal;
      if (value === undefined) line += MISSING;
      else line += part.escape ? escapeText(value) : value;
    }
    return line + tail;
  };
}
