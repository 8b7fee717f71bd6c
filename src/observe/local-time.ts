/** `2006/01/02 15:04:05.000` in local time: the time stamp of access logs. */

let lastSecond = Number.NaN;
let lastText = '';

/** `time` is milliseconds since the epoch. The part up to the seconds is made once a second. */
export function localTime(time: number): string {
  const second = Math.floor(time / 1000);
  if (second !== lastSecond) {
    lastText = toSeconds(new Date(second * 1000));
    lastSecond = second;
  }
  return lastText + pad(Math.floor(time - second * 1000), 3);
}

function toSeconds(date: Date): string {
  const day = `${pad(date.getFullYear(), 4)}/${pad(date.getMonth() + 1, 2)}/${pad(date.getDate(), 2)}`;
  return `${day} ${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}.`;
}

function pad(n: number, width: number): string {
  return String(n).padStart(width, '0');
}
