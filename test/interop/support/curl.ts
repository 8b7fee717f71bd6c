/** Runs curl. */

import { execFile } from 'node:child_process';

export interface CurlResult {
  /** The exit code: 0 when the transfer went well. */
  readonly code: number;
  readonly body: Buffer;
  /** What `-v` says, and why it failed. */
  readonly log: string;
}

/** Runs curl with these arguments to its end, whatever that is. `input` is its standard input. */
export function runCurl(args: readonly string[], input: Uint8Array = Buffer.alloc(0)): Promise<CurlResult> {
  return new Promise((resolve) => {
    const options = { encoding: 'buffer', maxBuffer: Number.POSITIVE_INFINITY } as const;
    const child = execFile('curl', ['-sS', '--max-time', '30', ...args], options, (error, body, log) =>
      resolve({ code: error === null ? 0 : Number(error.code), body, log: log.toString('latin1') }),
    );
    // It may have its answer before it has read everything.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** What curl prints, as bytes; throws when it fails. */
export async function curlBytes(...args: string[]): Promise<Buffer> {
  const { code, body, log } = await runCurl(args);
  if (code !== 0) throw new Error(`curl ${args.join(' ')} ended with ${code}: ${log}`);
  return body;
}

/** What curl prints, as text; throws when it fails. */
export async function curl(...args: string[]): Promise<string> {
  return (await curlBytes(...args)).toString('latin1');
}
