import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RequestHeaderList } from '../../../src/api/headers.ts';
import { Reason } from '../../../src/api/reason.ts';
import { resolveVariable } from '../../../src/observe/variables.ts';
import { streamInfo } from './stream-info.ts';

const EXPECTED: Record<string, string> = {
  start_time: '2026/11/05 09:08:07.006',
  request_received_duration: '12.3µs',
  response_received_duration: '1.5ms',
  request_finished_duration: '2.000001ms',
  duration: '2.000001ms',
  process_time_duration: '500µs',
  bytes_sent: '2048',
  bytes_received: '10',
  protocol: 'Http1',
  downstream_protocol: 'Http1',
  upstream_protocol: 'Http1',
  response_code: '200',
  response_flag: 'false',
  response_flags: 'false',
  upstream_transport_failure_reason: '0x0',
  upstream_local_address: '10.1.0.1:8080',
  upstream_host: 'shop-1',
  upstream_cluster: 'shop',
  downstream_local_address: '127.0.0.1:2046',
  downstream_remote_address: '10.0.0.9:54321',
  connection_id: '17',
  upstream_connection_id: '18',
  stream_id: '41',
  listener_name: 'in',
  listener_port: '2046',
  authority: 'shop.example:8080',
  'x-mosn-host': 'shop.example:8080',
  'x-mosn-scheme': 'http',
  'x-mosn-method': 'GET',
  'x-mosn-path': '/shop/items',
  'x-mosn-path-original': '/shop/items',
  'x-mosn-querystring': 'id=7&q=a+b%21&q=second',
  'x-mosn-status': '200',
  'request_header_User-Agent': 'curl/8.0',
  'request_header_x-empty': '',
  response_header_server: 'demo',
  Http1_request_scheme: 'http',
  Http1_request_method: 'GET',
  Http1_request_uri: '/shop/items?id=7&q=a+b%21&q=second',
  Http1_request_path: '/shop/items',
  Http1_request_path_original: '/shop/items',
  Http1_request_arg: 'id=7&q=a+b%21&q=second',
  'Http1_request_header_user-agent': 'curl/8.0',
  Http1_request_arg_id: '7',
  Http1_request_arg_q: 'a b!',
  Http1_cookie_theme: 'dark',
  Http1_cookie_session: 'abc=def',
  reason: 'completed',
  retries: '1',
  request_id: 'r-1',
};

const MISSING = [
  'trace_id',
  'connection_pool_index',
  'response_flag_text',
  'request_header_absent',
  'response_header_absent',
  'Http1_request_arg_absent',
  'Http1_cookie_them',
  'Http2_request_scheme',
  'Http2_cookie_theme',
  'x-mosn-rpc-service',
  'x-mosn-rpc-method',
  'requested_server_name',
  'request_header_',
  'constructor',
];

describe('variables', () => {
  for (const [name, value] of Object.entries(EXPECTED)) {
    it(`${name} is ${JSON.stringify(value)}`, () => assert.equal(resolveVariable(name)(streamInfo()), value));
  }

  for (const name of MISSING) {
    it(`${name} has no value`, () => assert.equal(resolveVariable(name)(streamInfo()), undefined));
  }

  it('says what went wrong', () => {
    const failed = streamInfo({ flags: 0x4 | 0x400, reason: Reason.GlobalTimeout, responseCode: 504 });
    assert.equal(resolveVariable('response_flag')(failed), 'true');
    assert.equal(resolveVariable('response_flag_text')(failed), 'upstream_request_timeout,fault_injected');
    assert.equal(resolveVariable('upstream_transport_failure_reason')(failed), '0x404');
    assert.equal(resolveVariable('reason')(failed), 'upstream_timeout');
  });

  it('names every flag that a reason sets', () => {
    for (const reason of Object.values(Reason)) {
      if (reason.flag === 0) continue;
      assert.ok(resolveVariable('response_flag_text')(streamInfo({ flags: reason.flag })), reason.name);
    }
  });

  it('tells the path before and after a rewrite', () => {
    const rewritten = streamInfo({ originalPath: '/v1/items?id=7' });
    assert.equal(resolveVariable('x-mosn-path-original')(rewritten), '/v1/items');
    assert.equal(resolveVariable('x-mosn-path')(rewritten), '/shop/items');
  });

  it('finds what filters have set', () => {
    const stream = streamInfo({ variables: new Map([['proxy_global_timeout', '500']]) });
    assert.equal(resolveVariable('proxy_global_timeout')(stream), '500');
  });

  it('has no host name for a host that was not given one, and that is not "no host"', () => {
    assert.equal(resolveVariable('upstream_host')(streamInfo({ upstreamHostname: '' })), '');
  });

  it('counts the length of an HTTP/1 request with its head', () => {
    const requestHeaders = new RequestHeaderList('PUT', '/a', 'h');
    requestHeaders.append('Host', 'h');
    const text = 'PUT /a HTTP/1.1\r\nHost: h\r\n\r\n';
    const stream = streamInfo({ requestHeaders, bytesReceived: 100 });
    assert.equal(resolveVariable('Http1_request_length')(stream), String(text.length + 100));
  });

  it('answers Http2 names for HTTP/2 streams only', () => {
    const stream = streamInfo({ protocol: 'Http2' });
    assert.equal(resolveVariable('Http2_cookie_theme')(stream), 'dark');
    assert.equal(resolveVariable('Http1_cookie_theme')(stream), undefined);
  });

  it('knows the fields of RPC requests', () => {
    class RpcHeaders extends RequestHeaderList {
      override readonly service: string = 'com.shop.Items';
    }
    const stream = streamInfo({ requestHeaders: new RpcHeaders('list', '', '') });
    assert.equal(resolveVariable('x-mosn-rpc-service')(stream), 'com.shop.Items');
    assert.equal(resolveVariable('x-mosn-rpc-method')(stream), 'list');
  });
});
