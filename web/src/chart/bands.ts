import { dayNumber } from "../format/time";
import type { Bar } from "./bars";

/** A stretch of the chart behind the bars, in places of bars: 2.5 lies between the third and fourth. */
export interface Band {
  from: number;
  to: number;
  kind: "gap" | "auction" | "day";
}

/** A stretch of time for which the feed was away. */
export interface Away {
  fromMs: number;
  toMs: number;
}

/** What to shade: where the feed was away, the closing auction, and the first bar of each day. */
export function bandsOf(bars: readonly Bar[], away: readonly Away[], seconds: number): Band[] {
  const intraday = seconds < 86_400;
  return [
    ...(intraday ? dayLines(bars) : []),
    ...runs(bars, "gap", (bar) => bar.flags.includes("gap") || isAway(bar, away, seconds)),
    ...runs(bars, "auction", (bar) => bar.session === "closing_auction"),
    ...missing(bars, away, seconds),
  ];
}

function dayLines(bars: readonly Bar[]): Band[] {
  const lines: Band[] = [];
  let day = bars[0] ? dayNumber(bars[0].ms) : 0;
  bars.forEach((bar, place) => {
    const its = dayNumber(bar.ms);
    if (its !== day) lines.push({ from: place - 0.5, to: place - 0.5, kind: "day" });
    day = its;
  });
  return lines;
}

function isAway(bar: Bar, away: readonly Away[], seconds: number): boolean {
  const end = bar.ms + seconds * 1000;
  return away.some((gap) => gap.fromMs < end && gap.toMs > bar.ms);
}

function runs(bars: readonly Bar[], kind: Band["kind"], belongs: (bar: Bar) => boolean): Band[] {
  const found: Band[] = [];
  let start = -1;
  for (let place = 0; place <= bars.length; place += 1) {
    const bar = bars[place];
    const inside = bar !== undefined && belongs(bar);
    if (inside && start < 0) start = place;
    if (!inside && start >= 0) {
      found.push({ from: start - 0.5, to: place - 0.5, kind });
      start = -1;
    }
  }
  return found;
}

/** Gaps that left no bar at all: a line between the bars on both sides. */
function missing(bars: readonly Bar[], away: readonly Away[], seconds: number): Band[] {
  const lines: Band[] = [];
  for (const gap of away) {
    const next = bars.findIndex((bar) => bar.ms + seconds * 1000 > gap.fromMs);
    const bar = bars[next];
    if (bar && bar.ms >= gap.toMs) lines.push({ from: next - 0.5, to: next - 0.5, kind: "gap" });
  }
  return lines;
}
