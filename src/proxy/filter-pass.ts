/**
 * The passage of one message, request or response, through the stream filters.
 *
 * Head, body chunks and trailers walk the same steps in order. A filter that stops *holds* the message at its step:
 * what arrives later waits there, in order, and a release lets it all go on from the step behind. Several steps may
 * hold at once (one the head, an earlier one a later chunk), so each hold keeps its own bytes and nothing overtakes.
 */

import type { Headers } from '../api/headers.ts';
import { type FilterResult, FilterStatus, type StreamFilter } from '../api/stream-filter.ts';
import { BodyBuffer } from './body-buffer.ts';
import type { FilterStep } from './stream-filters.ts';

/** What the stream does for one of its passes. */
export interface PassOwner {
  /** The stream has ended, or another answer has taken this message's place: no more callbacks. */
  readonly over: boolean;
  /** Run the filter's callback; undefined when it has none. */
  callHeaders(filter: StreamFilter, step: FilterStep, end: boolean): FilterResult | undefined;
  callData(filter: StreamFilter, step: FilterStep, chunk: Buffer, end: boolean): FilterResult | undefined;
  callTrailers(filter: StreamFilter, step: FilterStep, trailers: Headers): FilterResult | undefined;
  /** The proxy's own step; false when it answered the request itself. */
  runOwnStep(step: FilterStep): boolean;
  /** Counts a re-match or re-choose; false when there have been too many (the stream has been ended). */
  mayReenter(): boolean;

  /** What has passed the last filter. */
  emitHeaders(end: boolean): void;
  emitData(chunk: Buffer, end: boolean): void;
  emitTrailers(trailers: Headers): void;

  pauseSource(): void;
  resumeSource(): void;
  terminate(): void;
  /** More than the buffer limit is held. */
  overflow(): void;
  /** A filter threw, or its promise was rejected. */
  fault(error: unknown): void;
  /** The body of a held head was replaced: its length is known now. */
  setContentLength(length: number): void;
}

const EMPTY = Buffer.alloc(0);

class Hold {
  /** StopAndBuffer: body callbacks go on. StopNoBuffer: they do not, and the source is paused. */
  status: FilterStatus;
  /** The head waits here too. */
  readonly head: boolean;
  readonly body = new BodyBuffer();
  /** The body has ended. */
  end = false;
  trailers: Headers | undefined;
  /** How much of this the filter has been shown: what came while it waited it sees on release. */
  seen = 0;
  endSeen = false;
  trailersSeen = false;

  constructor(status: FilterStatus, head: boolean) {
    this.status = status;
    this.head = head;
  }
}

export class FilterPass {
  readonly #owner: PassOwner;
  readonly #steps: readonly FilterStep[];
  readonly #filters: readonly StreamFilter[];
  readonly #limit: number;
  readonly #holds: (Hold | undefined)[] = [];
  /** Whether the message ends with its head. */
  #headEnd = false;
  /** The step whose callback is running, or -1. */
  #running = -1;
  /** `resume` was called from inside the running callback. */
  #resumed = false;
  /** The chunk in hand of the running body callback. */
  #chunk: Buffer = EMPTY;

  constructor(owner: PassOwner, steps: readonly FilterStep[], filters: readonly StreamFilter[], limit: number) {
    this.#owner = owner;
    this.#steps = steps;
    this.#filters = filters;
    this.#limit = limit;
  }

  headers(end: boolean): void {
    this.#headEnd = end;
    this.#walkHeaders(0);
  }

  data(chunk: Buffer, end: boolean): void {
    this.#walkData(0, chunk, end);
  }

  trailers(trailers: Headers): void {
    this.#walkTrailers(0, trailers);
  }

  /** A filter resumes: where it holds the head if it does, else at the first of its steps that hold. */
  resume(filter: number): void {
    if (this.#runs(filter)) {
      this.#resumed = true;
      return;
    }
    // Perhaps from inside the callback of another filter, which goes on afterwards.
    const running = this.#running;
    const resumed = this.#resumed;
    const chunk = this.#chunk;
    try {
      this.#release(this.#holding(filter));
    } catch (error) {
      this.#failed(error);
    }
    this.#running = running;
    this.#resumed = resumed;
    this.#chunk = chunk;
  }

  heldBody(filter: number): Buffer {
    const runs = this.#runs(filter);
    const hold = this.#holds[runs ? this.#running : this.#holding(filter)];
    return hold?.body.bytes() ?? (runs ? this.#chunk : EMPTY);
  }

  replaceHeldBody(filter: number, body: Uint8Array): void {
    const runs = this.#runs(filter);
    const hold = this.#holds[runs ? this.#running : this.#holding(filter)];
    if (hold === undefined) {
      if (runs) this.#chunk = Buffer.from(body);
    } else {
      hold.body.replace(body);
      hold.seen = body.length;
      if (hold.head) this.#owner.setContentLength(body.length);
    }
  }

  /** Whether a callback of this filter is running. */
  #runs(filter: number): boolean {
    return this.#steps[this.#running]?.filter === filter;
  }

  /** The step at which this filter holds, -1 when it does not. */
  #holding(filter: number): number {
    let first = -1;
    for (let i = 0; i < this.#holds.length; i++) {
      const hold = this.#holds[i];
      if (hold === undefined || this.#steps[i]?.filter !== filter) continue;
      if (hold.head) return i;
      if (first < 0) first = i;
    }
    return first;
  }

  #walkHeaders(from: number): void {
    const owner = this.#owner;
    for (let i = from; i < this.#steps.length; i++) {
      const step = this.#steps[i] as FilterStep;
      if (step.own !== '') {
        if (!owner.runOwnStep(step)) return;
      } else if (!this.#headPasses(i, this.#callHeaders(i))) return;
    }
    owner.emitHeaders(this.#headEnd);
  }

  /** Acts on what a head callback said; true when the head goes on behind step `i`. */
  #headPasses(i: number, said: FilterResult): boolean {
    const owner = this.#owner;
    for (let result = said; !owner.over; result = this.#callHeaders(i)) {
      if (result === FilterStatus.Continue) return true;
      if (result !== FilterStatus.ReMatchRoute && result !== FilterStatus.ReChooseHost) {
        this.#stop(i, result, true);
        return false;
      }
      if (!this.#reenter(i, result === FilterStatus.ReMatchRoute ? 'match' : 'choose')) return false;
    }
    return false;
  }

  /** Runs the proxy's own step before `i` again; the filter at `i` is called again after it, as in MOSN. */
  #reenter(i: number, own: 'match' | 'choose'): boolean {
    const owner = this.#owner;
    const step = this.#steps.findLast((candidate, at) => at < i && candidate.own === own);
    if (step === undefined) {
      owner.fault(new Error(`a filter asked to ${own} again before the first time`));
      return false;
    }
    return owner.mayReenter() && owner.runOwnStep(step);
  }

  #walkData(from: number, first: Buffer, end: boolean): void {
    const owner = this.#owner;
    let chunk = first;
    for (let i = from; i < this.#steps.length; i++) {
      const hold = this.#holds[i];
      if (hold !== undefined) {
        this.#keep(i, hold, chunk, end);
        return;
      }
      const result = this.#callData(i, chunk, end);
      if (owner.over) return;
      chunk = this.#chunk;
      if (result === undefined || result === FilterStatus.Continue) continue;
      this.#stop(i, result, false);
      const made = this.#holds[i];
      if (made === undefined) return;
      made.body.push(chunk);
      made.seen = chunk.length;
      made.end = made.endSeen = end;
      this.#checkLimit(made);
      return;
    }
    owner.emitData(chunk, end);
  }

  /** A chunk has come to a step that holds. */
  #keep(i: number, hold: Hold, chunk: Buffer, end: boolean): void {
    hold.body.push(chunk);
    hold.end = end;
    if (hold.status !== FilterStatus.StopAndBuffer) return;
    this.#checkLimit(hold);
    if (!this.#owner.over) this.#show(i, hold);
  }

  /** Shows a filter that buffers what it has not seen yet, and acts on what it says. */
  #show(i: number, hold: Hold): void {
    const { size } = hold.body;
    if (hold.seen === size && hold.endSeen === hold.end) return;
    const unseen = hold.body.bytes().subarray(hold.seen);
    hold.seen = size;
    hold.endSeen = hold.end;
    const result = this.#callData(i, unseen, hold.end);
    if (this.#owner.over || result === undefined) return;
    if (result === FilterStatus.Continue) this.#release(i);
    else this.#stop(i, result, false);
  }

  #checkLimit(hold: Hold): void {
    if (hold.status === FilterStatus.StopAndBuffer && hold.body.size > this.#limit) this.#owner.overflow();
  }

  #walkTrailers(from: number, trailers: Headers): void {
    const owner = this.#owner;
    for (let i = from; i < this.#steps.length; i++) {
      const hold = this.#holds[i];
      if (hold !== undefined) {
        hold.trailers = trailers;
        if (hold.status !== FilterStatus.StopAndBuffer) return;
        hold.trailersSeen = true;
      }
      let result = this.#callTrailers(i, trailers);
      if (result === undefined && hold !== undefined) result = this.#callData(i, EMPTY, true);
      if (owner.over) return;
      if (result === FilterStatus.Continue || (result === undefined && hold === undefined)) {
        if (hold === undefined) continue;
        this.#release(i);
        return;
      }
      if (result !== undefined) this.#stop(i, result, false);
      const made = this.#holds[i];
      if (made === undefined) return;
      made.trailers = trailers;
      made.trailersSeen = true;
      return;
    }
    owner.emitTrailers(trailers);
  }

  /** Makes or changes the hold of a step after a status other than Continue. */
  #stop(i: number, result: FilterResult, head: boolean): void {
    const owner = this.#owner;
    if (result === FilterStatus.Terminate) {
      owner.terminate();
      return;
    }
    const waiting = typeof result === 'object';
    const status = waiting || result !== FilterStatus.StopAndBuffer ? FilterStatus.StopNoBuffer : result;
    let hold = this.#holds[i];
    if (hold === undefined) {
      hold = new Hold(status, head);
      this.#holds[i] = hold;
      if (status === FilterStatus.StopNoBuffer) owner.pauseSource();
    } else if (hold.status !== status) {
      hold.status = status;
      if (status === FilterStatus.StopNoBuffer) owner.pauseSource();
      else this.#listenAgain(i, hold);
    }
    if (waiting) this.#await(i, hold, result);
  }

  /** A filter that waited buffers from now on: it is shown what came meanwhile. */
  #listenAgain(i: number, hold: Hold): void {
    this.#show(i, hold);
    if (this.#holds[i] === hold && hold.trailers !== undefined && !hold.trailersSeen && !this.#owner.over) {
      this.#walkTrailers(i, hold.trailers);
    }
    this.#owner.resumeSource();
  }

  /** A promise counts as the status that it settles to, unless the stream has ended meanwhile. */
  #await(i: number, hold: Hold, promise: Promise<FilterStatus>): void {
    const isDropped = (): boolean => this.#owner.over || this.#holds[i] !== hold;
    promise
      .then(
        (status) => {
          if (isDropped()) return;
          if (hold.head ? this.#headPasses(i, status) : status === FilterStatus.Continue) this.#release(i);
          else if (!hold.head) this.#stop(i, status, false);
        },
        (error: unknown) => {
          if (!isDropped()) this.#owner.fault(error);
        },
      )
      .catch((error: unknown) => this.#failed(error));
  }

  /** The rest of the way threw where nobody above catches it: a filter has resumed from somewhere else. */
  #failed(error: unknown): void {
    if (!this.#owner.over) this.#owner.fault(error);
  }

  #release(i: number): void {
    const hold = this.#holds[i];
    if (hold === undefined) return;
    this.#holds[i] = undefined;
    const owner = this.#owner;
    if (hold.head) {
      if (this.#headEnd && hold.body.size > 0) {
        this.#headEnd = false; // the filter gave a body to a message that had none
        hold.end = hold.endSeen = true;
      }
      this.#walkHeaders(i + 1);
    }
    if (!owner.over) this.#releaseBody(i, hold);
    if (hold.trailers !== undefined && !owner.over) this.#walkTrailers(hold.trailersSeen ? i + 1 : i, hold.trailers);
    // Last, because a source that resumes may deliver at once.
    if (hold.status === FilterStatus.StopNoBuffer) owner.resumeSource();
  }

  #releaseBody(i: number, hold: Hold): void {
    const { seen, end, endSeen } = hold;
    const bytes = hold.body.bytes();
    if (seen > 0 || endSeen) this.#walkData(i + 1, bytes.subarray(0, seen), endSeen);
    if ((bytes.length > seen || end !== endSeen) && !this.#owner.over) this.#walkData(i, bytes.subarray(seen), end);
  }

  // The three calls differ in their arguments only; no closures here, filters run on the data path.

  #callHeaders(i: number): FilterResult {
    const step = this.#steps[i] as FilterStep;
    this.#running = i;
    try {
      return this.#outcome(this.#owner.callHeaders(this.#filterOf(step), step, this.#headEnd)) ?? FilterStatus.Continue;
    } catch (error) {
      return this.#fault(error);
    } finally {
      this.#running = -1;
    }
  }

  #callData(i: number, chunk: Buffer, end: boolean): FilterResult | undefined {
    const step = this.#steps[i] as FilterStep;
    this.#chunk = chunk;
    if (step.own !== '') return undefined;
    this.#running = i;
    try {
      return this.#outcome(this.#owner.callData(this.#filterOf(step), step, chunk, end));
    } catch (error) {
      return this.#fault(error);
    } finally {
      this.#running = -1;
    }
  }

  #callTrailers(i: number, trailers: Headers): FilterResult | undefined {
    const step = this.#steps[i] as FilterStep;
    if (step.own !== '') return undefined;
    this.#running = i;
    try {
      return this.#outcome(this.#owner.callTrailers(this.#filterOf(step), step, trailers));
    } catch (error) {
      return this.#fault(error);
    } finally {
      this.#running = -1;
    }
  }

  #filterOf(step: FilterStep): StreamFilter {
    return this.#filters[step.filter] as StreamFilter;
  }

  /** A filter that resumed before it had returned its stop did not stop. */
  #outcome(result: FilterResult | undefined): FilterResult | undefined {
    const resumed = this.#resumed;
    this.#resumed = false;
    const stops = result === FilterStatus.StopAndBuffer || result === FilterStatus.StopNoBuffer;
    return resumed && stops ? FilterStatus.Continue : result;
  }

  #fault(error: unknown): FilterStatus {
    this.#owner.fault(error);
    return FilterStatus.StopNoBuffer;
  }
}
