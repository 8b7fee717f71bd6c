/** An access log: a format and the file that its lines go to. */

import { compileFormat, DEFAULT_FORMAT, type Formatter } from './access-log-format.ts';
import type { LogFile } from './log-file.ts';
import type { LogFiles } from './log-files.ts';
import type { StreamInfo } from './stream-info.ts';

export class AccessLog {
  readonly #format: Formatter;
  readonly #files: LogFiles;
  readonly #file: LogFile;

  /** Throws when the format is wrong or the file cannot be opened. An empty format is the default one. */
  constructor(files: LogFiles, path: string, format = '') {
    this.#format = compileFormat(format === '' ? DEFAULT_FORMAT : format);
    this.#files = files;
    this.#file = files.open(path);
  }

  /** Writes the line of a stream that has ended. */
  log(stream: StreamInfo): void {
    this.#file.write(`${this.#format(stream)}\n`);
  }

  /** Gives the file back. */
  close(): Promise<void> {
    return this.#files.release(this.#file);
  }
}
