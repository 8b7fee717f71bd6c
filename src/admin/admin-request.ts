/** A request to the admin server and the answer to it, apart from sockets. */

export interface AdminRequest {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

export interface AdminResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';

export function text(body: string, status = 200): AdminResponse {
  return { status, contentType: TEXT, body };
}

/** `indent` as in `JSON.stringify`. */
export function json(value: unknown, indent: string | number = 0): AdminResponse {
  return { status: 200, contentType: JSON_TYPE, body: JSON.stringify(value, null, indent) };
}

/** An error in MOSN's shape: an object with one key, over three lines. */
export function failure(status: number, message: string): AdminResponse {
  return { status, contentType: JSON_TYPE, body: `{\n\t"error": ${JSON.stringify(message)}\n}\n` };
}

/** One path of the API. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST';
  /** Changes something: answered only when the configuration allows writes, to those who may. */
  readonly write?: boolean;
  handle(request: AdminRequest): AdminResponse | Promise<AdminResponse>;
}

/** Routes by path. */
export type AdminRoutes = ReadonlyMap<string, AdminRoute>;
