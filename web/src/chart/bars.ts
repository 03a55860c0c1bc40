import { dayNumber, parseTime } from "../format/time";
import type { Last } from "../quotes/last";
import type { Candle } from "../wire/wire";

/** A candle that can be drawn: its start is in milliseconds since the epoch, its prices are there. */
export interface Bar extends Candle {
  ms: number;
  open: number;
  high: number;
  low: number;
  close: number;
}

export function barOf(candle: Candle): Bar | null {
  const ms = parseTime(candle.start_ts);
  // The pre-open sets the day's open; drawn beside minutes of trading it would only mislead.
  if (ms === null || candle.session === "pre_open") return null;
  const { open, high, low, close } = candle;
  if (open === null || high === null || low === null || close === null) return null;
  return { ...candle, ms, open, high, low, close };
}

export function barsOf(candles: readonly Candle[]): Bar[] {
  const bars: Bar[] = [];
  for (const candle of candles) {
    const bar = barOf(candle);
    if (bar) bars.push(bar);
  }
  return bars.sort((a, b) => a.ms - b.ms);
}

/**
 * The bar with the last price that the rest of the page shows, where it is of this forming bar:
 * quotes and candles are told by turns, and one instrument has one last price.
 */
export function withLast(bar: Bar, last: Last | null, seconds: number): Bar {
  if (bar.status !== "forming" || last === null || last.ms === null) return bar;
  if (last.ms < bar.ms || last.ms >= bar.ms + seconds * 1000) return bar;
  const { price } = last;
  return { ...bar, close: price, high: Math.max(bar.high, price), low: Math.min(bar.low, price) };
}

/**
 * The volume to draw: the closing auction trades as much as hours do and would flatten all the
 * others, so its column is no higher than the day's highest.
 */
export function drawnVolume(bars: readonly Bar[], at: number): number | null {
  const bar = bars[at];
  if (!bar || bar.volume === null || bar.session !== "closing_auction") return bar?.volume ?? null;
  const day = dayNumber(bar.ms);
  let most = 0;
  for (let place = at - 1; place >= 0; place -= 1) {
    const other = bars[place];
    if (!other || dayNumber(other.ms) !== day) break;
    most = Math.max(most, other.volume ?? 0);
  }
  return most > 0 ? Math.min(bar.volume, most) : bar.volume;
}

const RANK = { forming: 0, final: 1, settled: 2 } as const;

/** Of two tellings of one bar the one that knows more. */
export function newer(a: Bar, b: Bar): Bar {
  if (RANK[a.status] !== RANK[b.status]) return RANK[a.status] > RANK[b.status] ? a : b;
  if (a.revision !== b.revision) return a.revision > b.revision ? a : b;
  return (a.volume ?? a.tick_count) > (b.volume ?? b.tick_count) ? a : b;
}

/** What a change means for a drawing: its end grew, one bar inside changed, or all is new. */
export type Change = "tail" | "inside" | "all";

/** The bars of one chart in the order of time, each start once. */
export class Bars {
  list: Bar[] = [];

  get last(): Bar | undefined {
    return this.list.at(-1);
  }

  get first(): Bar | undefined {
    return this.list[0];
  }

  /** Where the bar that starts at ``ms`` is, or would be. */
  place(ms: number): number {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.list[middle]?.ms ?? Infinity) < ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Take a bar as the stream tells it: the newest word holds. */
  apply(bar: Bar): Change {
    const at = this.place(bar.ms);
    if (at >= this.list.length) {
      this.list.push(bar);
      return "tail";
    }
    if (this.list[at]?.ms === bar.ms) {
      this.list[at] = bar;
      return at === this.list.length - 1 ? "tail" : "inside";
    }
    this.list.splice(at, 0, bar);
    return "all";
  }

  /**
   * Take an answer of the server and what the stream told while it was on its way.
   *
   * Where the answer does not reach back to the bars at hand there is a hole: they are let go.
   */
  refresh(answer: Bar[], told: Bar[]): void {
    const from = answer[0]?.ms ?? 0;
    const reaches = answer.length > 0 && from <= (this.last?.ms ?? -Infinity);
    this.list = reaches ? [...this.list.slice(0, this.place(from)), ...answer] : answer;
    for (const bar of told) {
      const at = this.place(bar.ms);
      const held = this.list[at];
      this.apply(held?.ms === bar.ms ? newer(bar, held) : bar);
    }
  }

  /** Put older bars in front; the answer is how many were new. */
  prepend(older: Bar[]): number {
    const before = this.first?.ms ?? Infinity;
    const added = older.filter((bar) => bar.ms < before);
    // whoever draws holds the list itself: it is replaced only when there is something to draw
    if (added.length > 0) this.list = [...added, ...this.list];
    return added.length;
  }
}
