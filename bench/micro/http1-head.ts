/**
 * What an HTTP/1 head costs: found (`scan`), made an object (`head`), sent on with two lines added (`forward`). Prints
 * the best of many batches in ns per head: `node bench/micro/http1-head.ts`.
 */

import { Framing } from '../../protocols/http1/body-decoder.ts';
import { scanRequest } from '../../protocols/http1/head-scanner.ts';
import { requestHead } from '../../protocols/http1/head-writer.ts';
import { Http1RequestHeaders } from '../../protocols/http1/headers.ts';
import { HTTP1_DEFAULTS } from '../../protocols/http1/settings.ts';

const BATCH = 20_000;
const BATCHES = 60;

const heads = {
  '2 headers': 'GET /index.html HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n\r\n',
  '12 headers':
    'GET /assets/js/app.min.js?v=20240101 HTTP/1.1\r\nHost: www.example.com\r\nConnection: keep-alive\r\n' +
    'sec-ch-ua: "Chromium";v="124", "Google Chrome";v="124", "Not-A.Brand";v="99"\r\nsec-ch-ua-mobile: ?0\r\n' +
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36\r\n' +
    'sec-ch-ua-platform: "Linux"\r\nAccept: */*\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: no-cors\r\n' +
    'Referer: https://www.example.com/index.html\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n' +
    'Accept-Language: en-GB,en-US;q=0.9,en;q=0.8\r\nCookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\r\n',
};

let sink = 0;

function scanOnly(buf: Buffer): void {
  sink += scanRequest(buf, 0, buf.length, HTTP1_DEFAULTS);
}

function makeHead(buf: Buffer): Http1RequestHeaders {
  const after = scanRequest(buf, 0, buf.length, HTTP1_DEFAULTS);
  return new Http1RequestHeaders(buf.toString('latin1', 0, after));
}

function headOnly(buf: Buffer): void {
  sink += makeHead(buf).path.length;
}

function forward(buf: Buffer): void {
  const headers = makeHead(buf);
  headers.set('x-forwarded-for', '192.0.2.1');
  headers.append('via', '1.1 weft');
  sink += requestHead(headers, Framing.Length, 0).length;
}

function best(run: (buf: Buffer) => void, buf: Buffer): number {
  let least = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < BATCHES; batch++) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < BATCH; i++) run(buf);
    least = Math.min(least, Number(process.hrtime.bigint() - start) / BATCH);
  }
  return least;
}

for (const [name, text] of Object.entries(heads)) {
  const buf = Buffer.from(text, 'latin1');
  const figures = [scanOnly, headOnly, forward].map((run) => best(run, buf).toFixed(0));
  console.log(`${name}, ${buf.length} B: scan ${figures[0]}, head ${figures[1]}, forward ${figures[2]} ns`);
}
if (sink === 0) console.log('nothing was done');
