/**
 * The Connection field (RFC 9110, section 7.6.1): its options, and which lines it may take away.
 *
 * What a peer lists there is not forwarded, with one exception: a name that an upstream trusts or frames by stays. Else a
 * client could strip what an earlier proxy has vouched for (`Connection: close, X-Forwarded-For`).
 */

import { isToken } from '../../src/api/index.ts';
import { isText } from './chars.ts';
import { DROPPED, FIELD, NAME_END, STRIDE, scan } from './head-scan.ts';
import { isTrusted } from './protected-names.ts';

const KEEP_ALIVE = Buffer.from('keep-alive');
const CLOSE = Buffer.from('close');

/** A head that lists more names than this is an attack on somebody's lists. */
const MAX_NOMINATED = 16;

/** Takes in one Connection line; false when it is not a list of tokens. */
export function readConnection(buf: Buffer, start: number, end: number): boolean {
  if (isText(buf, start, end, KEEP_ALIVE)) {
    scan.keepAlive = true;
    return true;
  }
  if (isText(buf, start, end, CLOSE)) {
    scan.close = true;
    return true;
  }
  for (const element of buf.toString('latin1', start, end).toLowerCase().split(',')) {
    const option = element.trim();
    if (option === 'close') scan.close = true;
    else if (option === 'keep-alive') scan.keepAlive = true;
    else if (option === 'upgrade') scan.upgradeOption = true;
    else if (option !== '' && option !== 'te') {
      if (!isToken(option) || scan.nominated.push(option) > MAX_NOMINATED) return false;
    }
  }
  return true;
}

/** Marks the lines that Connection lists. */
export function dropNominated(buf: Buffer): void {
  const lines = scan.lines;
  for (let i = 0; i < scan.count; i++) {
    const at = i * STRIDE;
    const field = lines[at + FIELD] as number;
    if ((field & DROPPED) !== 0) continue;
    const start = scan.base + (lines[at] as number);
    const name = buf.toString('latin1', start, scan.base + (lines[at + NAME_END] as number)).toLowerCase();
    if (!scan.nominated.includes(name) || isTrusted(name)) continue;
    lines[at + FIELD] = field | DROPPED;
    scan.dropped++;
  }
}
