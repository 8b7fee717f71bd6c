/** Keeps foreign text from breaking out of its place in a log line. */

const PRINTABLE = /^[ !#-[\]-~]*$/;
const REST = /[^ !#-[\]-~]+/g;

/**
 * Writes every byte outside printable ASCII, and `"` and `\`, as `\xHH`, as nginx's default escaping does. Characters
 * up to U+00FF are bytes (header values are latin1), others are escaped as UTF-8.
 */
export function escapeText(text: string): string {
  return PRINTABLE.test(text) ? text : text.replace(REST, escapeRun);
}

function escapeRun(run: string): string {
  const bytes = Buffer.from(run, isLatin1(run) ? 'latin1' : 'utf8');
  let escaped = '';
  for (const byte of bytes) escaped += `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return escaped;
}

function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}
