import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { http1 } from '../../../../protocols/http1/index.ts';
import { HTTP1_DEFAULTS } from '../../../../protocols/http1/settings.ts';
import { ProtocolMatch } from '../../../../src/api/index.ts';

describe('match', () => {
  for (const [prefix, match] of [
    ['', ProtocolMatch.NeedMore],
    ['G', ProtocolMatch.NeedMore],
    ['CONNEC', ProtocolMatch.NeedMore],
    ['GET', ProtocolMatch.Yes],
    ['GET / HTTP/1.1\r\n', ProtocolMatch.Yes],
    ['CONNECT', ProtocolMatch.Yes],
    ['UNLINK /', ProtocolMatch.Yes],
    ['PRI * HTTP/2.0\r\n', ProtocolMatch.No],
    ['get', ProtocolMatch.No],
    ['\x16\x03\x01', ProtocolMatch.No],
    ['GEX', ProtocolMatch.No],
    ['\x01', ProtocolMatch.No],
  ] as const) {
    test(JSON.stringify(prefix), () => assert.equal(http1.match(Buffer.from(prefix, 'latin1')), match));
  }
});

test('every setting has a default', () => {
  for (const [key, schema] of Object.entries(http1.settings.properties ?? {})) {
    assert.equal(HTTP1_DEFAULTS[key as keyof typeof HTTP1_DEFAULTS], schema.default);
    assert.equal(typeof schema.default, 'number');
  }
});
