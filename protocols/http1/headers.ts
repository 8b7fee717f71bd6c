/** Heads of HTTP/1 messages as the rest of the house sees them, and how they are written when they go out on HTTP/1 again. */

import { isToken, type RequestHeaders, type ResponseHeaders } from '../../src/api/index.ts';
import { FieldLines } from './field-lines.ts';
import { Section } from './field-scanner.ts';
import { STRIDE, scan, VALUE_END, VALUE_START } from './head-scan.ts';
import { statusLine } from './status-text.ts';
import { isHostText, isTarget } from './target.ts';

const QUESTION = 63;

export class Http1RequestHeaders extends FieldLines implements RequestHeaders {
  scheme = 'http';
  upgrade: string;
  readonly #isHttp11: boolean;
  readonly #hasHost: boolean;
  #method: string;
  #path: string;
  #authority: string;
  /** The request line can go out as it came. */
  #sameLine: boolean;

  /** Takes over the last scan, which was of a request; `text` is its head. */
  constructor(text: string) {
    super(text, Section.Request, scan.chunked ? -1 : Math.max(scan.contentLength, 0));
    this.#isHttp11 = scan.minor === 1;
    this.#hasHost = scan.hostLine >= 0;
    this.#method = methodOf(text);
    this.#sameLine = this.#isHttp11;
    if (scan.authorityEnd > 0) {
      this.#authority = text.slice(scan.authorityStart, scan.authorityEnd);
      const isConnect = scan.authorityStart === scan.targetStart;
      this.#path = isConnect ? this.#authority : originForm(text, this.#method);
      this.#sameLine = this.#isHttp11 && isConnect;
    } else {
      this.#path = text.slice(scan.targetStart, scan.targetEnd);
      this.#authority = this.#hasHost ? lineValue(text, scan.hostLine) : '';
    }
    this.upgrade = this.#isHttp11 ? upgradeOf(text) : '';
  }

  /** RPC only. */
  get service(): string {
    return '';
  }

  get method(): string {
    return this.#method;
  }

  set method(method: string) {
    if (!isToken(method)) throw new TypeError('invalid method');
    this.#method = method;
    this.#sameLine = false;
  }

  get path(): string {
    return this.#path;
  }

  set path(path: string) {
    if (!isTarget(path)) throw new TypeError('invalid path');
    this.#path = path;
    this.#sameLine = false;
  }

  get authority(): string {
    return this.#authority;
  }

  set authority(authority: string) {
    this.set('host', authority);
  }

  override set(name: string, value: string): void {
    if (name === 'host') this.#changeHost(value);
    super.set(name, value);
  }

  override append(name: string, value: string): void {
    if (name === 'host') this.set(name, value);
    else super.append(name, value);
  }

  override remove(name: string): void {
    if (name === 'upgrade') this.upgrade = '';
    else if (name === 'host') {
      this.#authority = '';
      this.#sameLine = false;
    }
    super.remove(name);
  }

  /** Request line, Host and the other lines, without what the codec adds. */
  writeRequest(keepLength: boolean): string {
    const lines = this.write(this.#sameLine, keepLength);
    if (this.#sameLine) return lines;
    const start = `${this.#method} ${this.#path} HTTP/1.1\r\n`;
    // HTTP/1.1 wants a Host line, even an empty one (RFC 9112, section 3.2).
    return this.has('host') ? start + lines : `${start}Host: ${this.#authority}\r\n${lines}`;
  }

  #changeHost(host: string): void {
    if (!isHostText(host)) throw new TypeError('invalid host');
    this.#authority = host;
  }
}

/** What follows the authority of a target in absolute form (RFC 9112, sections 3.2.1 and 3.2.4). */
function originForm(text: string, method: string): string {
  const path = text.slice(scan.authorityEnd, scan.targetEnd);
  if (path === '') return method === 'OPTIONS' ? '*' : '/';
  return path.charCodeAt(0) === QUESTION ? `/${path}` : path;
}

/** The method, without making a string for the usual ones. */
function methodOf(text: string): string {
  if (text.startsWith('GET ')) return 'GET';
  if (text.startsWith('POST ')) return 'POST';
  return text.slice(0, scan.methodEnd);
}

/** The protocol switch asked for: one token, listed in Connection, on a request without a body (RFC 9110, section 7.8). */
function upgradeOf(text: string): string {
  if (!scan.upgradeOption || scan.upgradeLine < 0 || scan.chunked || scan.contentLength > 0) return '';
  const token = lineValue(text, scan.upgradeLine).toLowerCase();
  // h2c would hide requests from this proxy.
  return UPGRADE.test(token) && token !== 'h2c' ? token : '';
}

const UPGRADE = /^[!#$%&'*+\-.^_`|~0-9a-z]+(\/[!#$%&'*+\-.^_`|~0-9a-z]+)?$/;

function lineValue(text: string, line: number): string {
  const lines = scan.lines;
  return text.slice(lines[line * STRIDE + VALUE_START], lines[line * STRIDE + VALUE_END]);
}

export class Http1ResponseHeaders extends FieldLines implements ResponseHeaders {
  /** The token of an Upgrade line in lower case, else `''`. */
  readonly upgrade: string;
  readonly #isHttp11: boolean;
  readonly #received: number;
  #status: number;

  /** Takes over the last scan, which was of a response; `text` is its head. */
  constructor(text: string) {
    super(text, Section.Response, scan.contentLength);
    this.upgrade = scan.upgradeLine >= 0 ? lineValue(text, scan.upgradeLine).toLowerCase() : '';
    this.#isHttp11 = scan.minor === 1;
    this.#received = scan.status;
    this.#status = scan.status;
  }

  get status(): number {
    return this.#status;
  }

  set status(status: number) {
    this.#status = status;
  }

  /** Status line and lines, without what the codec adds. The reason phrase stays with its status. */
  writeResponse(keepLength: boolean): string {
    if (this.#isHttp11 && this.#status === this.#received) return this.write(true, keepLength);
    return statusLine(this.#status) + this.write(false, keepLength);
  }
}
