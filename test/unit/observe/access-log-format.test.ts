import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RequestHeaderList } from '../../../src/api/headers.ts';
import { compileFormat, DEFAULT_FORMAT } from '../../../src/observe/access-log-format.ts';
import { streamInfo } from './stream-info.ts';

describe('access log format', () => {
  it('writes the default line of MOSN', () => {
    assert.equal(
      compileFormat(DEFAULT_FORMAT)(streamInfo()),
      '2026/11/05 09:08:07.006 -  17 18 12.3µs 1.5ms 2048 10 Http1 200 2.000001ms false 200 ' +
        '10.1.0.1:8080 127.0.0.1:2046 10.0.0.9:54321 shop-1',
    );
  });

  it('writes a dash for what a refused request does not have', () => {
    const refused = streamInfo({
      requestHeaders: undefined,
      responseHeaders: undefined,
      upstreamHost: '',
      upstreamHostname: '',
      upstreamConnectionId: 0,
    });
    const format =
      '%upstream_host% %upstream_local_address% %upstream_connection_id% %x-mosn-path% %request_header_host%';
    assert.equal(compileFormat(format)(refused), '- - - - -');
  });

  it('keeps literal text, and \\% as a percent sign', () => {
    assert.equal(compileFormat('a\\%b %response_code%\\% \\n')(streamInfo()), 'a%b 200% \\n');
    assert.equal(compileFormat('nothing')(streamInfo()), 'nothing');
  });

  it('writes a dash for a name that nobody knows', () => {
    assert.equal(compileFormat('[%no_such_thing%]')(streamInfo()), '[-]');
  });

  it('refuses an empty and an unclosed name with its offset', () => {
    assert.throws(() => compileFormat('ab %% c'), /^Error: offset 3: %% names no variable/);
    assert.throws(() => compileFormat('%protocol% \\% %dura'), /^Error: offset 14: variable without closing %/);
  });

  it('escapes what a peer or a filter chose', () => {
    const line = compileFormat('"%request_header_user-agent%" %tag%');
    // HeaderList refuses line breaks; other backings might let them pass.
    const headers = new RequestHeaderList('GET', '/', 'a');
    headers.get = () => 'x" \\ \r\n2026 forged\x7f\xe9';
    const stream = streamInfo({ requestHeaders: headers, variables: new Map([['tag', '网\n']]) });
    assert.equal(line(stream), '"x\\x22 \\x5C \\x0D\\x0A2026 forged\\x7F\\xE9" \\xE7\\xBD\\x91\\x0A');
  });

  it('makes one line of printable ASCII of any header value', () => {
    const format = compileFormat('%request_header_x%|%x-mosn-path%');
    const anything = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(anything, anything, (value, path) => {
        const headers = new RequestHeaderList('GET', path, 'a');
        headers.get = () => value;
        assert.match(format(streamInfo({ requestHeaders: headers })), /^[ -~]*$/);
      }),
    );
  });
});
