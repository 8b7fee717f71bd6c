/** Time as filters, protocols and pools see it: read once per event-loop turn, timers without allocation per use. */

/** A timer that can be armed again and again. `onTimer` of the owner runs never earlier than asked. */
export interface TimerHandle {
  /** Arms or re-arms; milliseconds from now. */
  start(ms: number): void;
  /** Disarms; harmless when not armed. */
  stop(): void;
  readonly armed: boolean;
}

export interface Clock {
  /** Milliseconds from an arbitrary origin, monotonic, the same during one event-loop turn. */
  now(): number;
  /** Milliseconds since the epoch, the same during one turn. */
  wallTime(): number;
  /**
   * Makes a timer. Delays from 10 s on are served by a coarse wheel (up to 0.5 s late), shorter ones by a fine one
   * (up to 10 ms late).
   */
  timer(onTimer: () => void): TimerHandle;
}
