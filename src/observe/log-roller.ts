/** When log files are rolled and what the rolled ones are called: `global_log_roller`. */

export interface LogRoller {
  /** Length of a period in hours, 1…24, counted from local midnight; 0 rolls by size instead. */
  readonly hours: number;
  /** Size at which a file is rolled when `hours` is 0. */
  readonly maxBytes: number;
  /** Rolled files older than this are deleted; 0 keeps them. */
  readonly maxAgeDays: number;
  /** Number of rolled files that are kept; 0 keeps all. */
  readonly keep: number;
  /** Whether rolled files are compressed with gzip. */
  readonly compress: boolean;
}

/** Without `global_log_roller`: daily, nothing is deleted. */
export const DAILY: LogRoller = { hours: 24, maxBytes: 0, maxAgeDays: 0, keep: 0, compress: false };

const MEGABYTE = 1024 * 1024;
const DEFAULT_MEGABYTES = 1000;

/**
 * Reads MOSN's blank-separated list of `time=<hours>`, `size=<MB>`, `age=<days>`, `keep=<n>` and `compress=on|off`;
 * what is absent is 1000 MB, 7 days, 10 files, no compression. `time` wins over `size`. Throws for anything else.
 */
export function parseLogRoller(text: string): LogRoller {
  let hours = 0;
  let megabytes = DEFAULT_MEGABYTES;
  let maxAgeDays = 7;
  let keep = 10;
  let compress = false;
  for (const item of text.split(' ')) {
    if (item === '') continue;
    const [, key, value] = /^(\w+)=(\w+)$/.exec(item) ?? [];
    if (key === 'compress' && (value === 'on' || value === 'off')) {
      compress = value === 'on';
      continue;
    }
    const number = /^\d{1,9}$/.test(value ?? '') ? Number(value) : Number.NaN;
    if (key === 'time' && number >= 1 && number <= 24) hours = number;
    else if (key === 'size' && number >= 1) megabytes = number;
    else if (key === 'age' && number >= 0) maxAgeDays = number;
    else if (key === 'keep' && number >= 0) keep = number;
    else {
      throw new Error(
        `cannot read ${JSON.stringify(item)}: expected time=<1…24 hours>, size=<MB>, age=<days>, keep=<n>, compress=on|off`,
      );
    }
  }
  return { hours, maxBytes: megabytes * MEGABYTE, maxAgeDays, keep, compress };
}

/** A stretch of time that goes into one file; milliseconds since the epoch, `end` exclusive. */
export interface Period {
  readonly start: number;
  readonly end: number;
}

/** The period that holds `time`. Rolling by size knows one period without end. */
export function periodOf(roller: LogRoller, time: number): Period {
  if (roller.hours === 0) return { start: time, end: Number.POSITIVE_INFINITY };
  const date = new Date(time);
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
  const first = Math.floor(date.getHours() / roller.hours) * roller.hours;
  return {
    start: new Date(year, month, day, first).getTime(),
    end: new Date(year, month, day, Math.min(first + roller.hours, 24)).getTime(),
  };
}

/** What is appended to the name of a file rolled at the end of the period that began at `start`. */
export function rolledSuffix(roller: LogRoller, start: number): string {
  const date = new Date(start);
  const day = `.${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return roller.hours === 24 || roller.hours === 0 ? day : `${day}_${two(date.getHours())}`;
}

/** Matches what follows a file's name in the name of one of its rolled files. */
export const ROLLED_SUFFIX = /^\.\d{4}-\d\d-\d\d(_\d\d)?(\.\d+)?(\.gz)?$/;

function two(n: number): string {
  return n < 10 ? `0${n}` : String(n);
}
