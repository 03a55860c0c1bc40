import { signal } from "@preact/signals";
import { parseTime } from "../format/time";
import type { ClockState, Source } from "../wire/wire";

/** A step back larger than this is a clock that was set, not a message that was late. */
const SET_BACK_MS = 3_000;

/**
 * Market time: the last moment the server told us, counted on with our own steady time.
 *
 * Ages are measured in it, so that a day played at 60x ages sixty times as fast.
 */
export class MarketClock {
  readonly speed = signal(1);
  readonly running = signal(true);
  readonly driven = signal(false);
  readonly known = signal(false);
  /** Where the prices come from; null until the server said so. */
  readonly source = signal<Source | null>(null);
  private held = false;
  private marketMs = 0;
  private steadyMs = 0;
  private shownMs = 0;
  private readonly setBack: (() => void)[] = [];

  constructor(private readonly steady: () => number = () => performance.now()) {}

  /** Never earlier than it was, until the clock is set back: a guess that ran ahead waits. */
  now(): number {
    this.shownMs = Math.max(this.shownMs, this.counted());
    return this.shownMs;
  }

  private counted(): number {
    const rate = this.running.peek() && !this.held ? this.speed.peek() : 0;
    return this.marketMs + (this.steady() - this.steadyMs) * rate;
  }

  /** Nobody tells the time any more: it stands, until ``release``. */
  hold(): void {
    this.marketMs = this.now();
    this.steadyMs = this.steady();
    this.held = true;
  }

  release(): void {
    this.steadyMs = this.steady();
    this.held = false;
  }

  /** Take the server's word for the time; a clock set back is told to ``onSetBack``. */
  anchor(text: string | undefined): void {
    const at = parseTime(text);
    if (at === null || this.held) return;
    const back = this.known.peek() && at < this.marketMs - SET_BACK_MS * Math.max(1, this.speed.peek());
    this.marketMs = at;
    this.steadyMs = this.steady();
    this.known.value = true;
    if (back) this.shownMs = at;
    if (back) for (const tell of this.setBack) tell();
  }

  apply(state: ClockState): void {
    this.speed.value = state.speed;
    this.running.value = state.running;
    this.driven.value = state.driven;
    this.source.value = state.source;
    this.anchor(state.now);
  }

  onSetBack(tell: () => void): void {
    this.setBack.push(tell);
  }
}
