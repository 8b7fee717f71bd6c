/**
 * Heads on their way out. A head that came by HTTP/1 leaves as it was, but for what concerns one connection; any other is
 * written line by line, checked, because HTTP/2 and filters can hold what would break out of a line.
 */

import { type Headers, isToken, type RequestHeaders, type ResponseHeaders } from '../../src/api/index.ts';
import { Framing } from './body-decoder.ts';
import { Field, fieldOf, isHopByHop } from './field-names.ts';
import { checkedValue } from './field-value.ts';
import { Http1RequestHeaders, Http1ResponseHeaders } from './headers.ts';
import { isHeadOnly } from './protected-names.ts';
import { statusLine } from './status-text.ts';
import { isHostText, isTarget } from './target.ts';

/**
 * The head of a request.
 *
 * @param length of the body with `Framing.Length`; `Framing.None` announces nothing
 * @throws TypeError when a field could break out of its line
 */
export function requestHead(headers: RequestHeaders, framing: Framing, length: number): string {
  let out: string;
  let hasLength = false;
  if (headers instanceof Http1RequestHeaders) {
    hasLength = framing !== Framing.Chunked && headers.contentLength === length;
    out = headers.writeRequest(hasLength);
    if (hasLength && length === 0 && impliesBody(headers.method)) hasLength = headers.has('content-length');
  } else {
    out = foreignRequest(headers);
  }
  if (framing === Framing.Chunked) out += 'Transfer-Encoding: chunked\r\n';
  else if (framing === Framing.Length && !hasLength && (length > 0 || impliesBody(headers.method))) {
    out += `Content-Length: ${length}\r\n`;
  }
  const { upgrade } = headers;
  if (upgrade !== '') out += `Connection: Upgrade\r\nUpgrade: ${checkedValue('upgrade', upgrade)}\r\n`;
  else if (headers.has('te')) out += 'Connection: TE\r\n';
  return `${out}\r\n`;
}

/** Methods whose requests are expected to have a body: its absence is said (RFC 9110, section 8.6). */
function impliesBody(method: string): boolean {
  return method === 'POST' || method === 'PUT' || method === 'PATCH';
}

/**
 * The head of a response.
 *
 * @param length to announce, -1 for none
 * @param connection the lines that belong to this connection only
 */
export function responseHead(headers: ResponseHeaders, framing: Framing, length: number, connection: string): string {
  let out: string;
  let hasLength = false;
  if (headers instanceof Http1ResponseHeaders) {
    hasLength = length >= 0 && headers.contentLength === length;
    out = headers.writeResponse(hasLength);
  } else {
    out = statusLine(headers.status) + headLines(headers);
  }
  if (framing === Framing.Chunked) out += 'Transfer-Encoding: chunked\r\n';
  else if (length >= 0 && !hasLength) out += `Content-Length: ${length}\r\n`;
  return `${out}${connection}\r\n`;
}

/** The lines of trailers; what belongs in a head is left out. */
export function trailerLines(trailers: Headers): string {
  lines = '';
  trailers.forEach(addTrailer);
  return lines;
}

function foreignRequest(headers: RequestHeaders): string {
  const { method, path, authority } = headers;
  if (!isToken(method) || !isTarget(path) || !isHostText(authority)) throw new TypeError('invalid request line');
  return `${method} ${path} HTTP/1.1\r\nHost: ${authority}\r\n${headLines(headers)}`;
}

// What `forEach` gathers: variables instead of a closure per head.
let lines = '';
let cookies = '';

function headLines(headers: Headers): string {
  lines = '';
  cookies = '';
  headers.forEach(addLine);
  // HTTP/2 sends cookies in several lines, HTTP/1 must not (RFC 9113, section 8.2.3).
  return cookies === '' ? lines : `${lines}Cookie: ${cookies}\r\n`;
}

function addLine(name: string, value: string): void {
  const field = fieldOf(name.toLowerCase());
  const out = checkedValue(name, value);
  if (field === Field.Other) lines += `${name}: ${out}\r\n`;
  else if (field === Field.Cookie) cookies = cookies === '' ? out : `${cookies}; ${out}`;
  else if (field === Field.Te && out.toLowerCase() === 'trailers') lines += 'TE: trailers\r\n';
  else if (field === Field.FramingTwin) throw new TypeError(`invalid header name ${name}`);
}

function addTrailer(name: string, value: string): void {
  const lower = name.toLowerCase();
  if (!isHopByHop(fieldOf(lower)) && !isHeadOnly(lower)) lines += `${name}: ${checkedValue(name, value)}\r\n`;
}
