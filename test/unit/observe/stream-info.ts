/** A stream as an access log sees it. */

import { RequestHeaderList, ResponseHeaderList } from '../../../src/api/headers.ts';
import { Reason } from '../../../src/api/reason.ts';
import type { StreamInfo } from '../../../src/observe/stream-info.ts';

export type MutableStream = { -readonly [K in keyof StreamInfo]: StreamInfo[K] };

/** An ordinary finished request; `changes` replace fields. */
export function streamInfo(changes: Partial<StreamInfo> = {}): MutableStream {
  const requestHeaders = new RequestHeaderList('GET', '/shop/items?id=7&q=a+b%21&q=second', 'shop.example:8080');
  requestHeaders.append('User-Agent', 'curl/8.0');
  requestHeaders.append('Cookie', 'theme=dark; session=abc=def');
  requestHeaders.append('X-Request-Id', 'r-1');
  requestHeaders.append('X-Empty', '');
  const responseHeaders = new ResponseHeaderList(200);
  responseHeaders.append('Server', 'demo');
  return {
    id: 41,
    startTime: new Date(2026, 10, 5, 9, 8, 7, 6).getTime(),
    requestReceived: 0.0123,
    responseReceived: 1.5,
    duration: 2.000001,
    processTime: 0.5,
    bytesReceived: 10,
    bytesSent: 2048,
    protocol: 'Http1',
    upstreamProtocol: 'Http1',
    responseCode: 200,
    flags: 0,
    reason: Reason.Completed,
    retries: 1,
    requestHeaders,
    responseHeaders,
    originalPath: '',
    connectionId: 17,
    listener: 'in',
    localAddress: '127.0.0.1:2046',
    remoteAddress: '10.0.0.9:54321',
    cluster: 'shop',
    upstreamHost: '10.1.0.1:8080',
    upstreamHostname: 'shop-1',
    upstreamConnectionId: 18,
    variables: undefined,
    ...changes,
  };
}
