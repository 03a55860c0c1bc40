import assert from "node:assert/strict";
import { test } from "node:test";
import { bandsOf } from "../src/chart/bands";
import { type Bar, Bars, barsOf, drawnVolume, newer, withLast } from "../src/chart/bars";
import { onTick } from "../src/chart/pointer";
import { marksOf } from "../src/chart/marks";
import type { Candle } from "../src/wire/wire";

const NINE_15 = Date.parse("2026-11-20T09:15:00+05:30");

function candle(minute: number, more: Partial<Candle> = {}): Candle {
  return {
    start_ts: new Date(NINE_15 + minute * 60_000).toISOString(),
    open: 1, high: 2, low: 1, close: 2, volume: 10, oi: null, tick_count: 1, status: "final",
    revision: 0, session: "continuous", flags: [], ...more,
  };
}

function bar(minute: number, more: Partial<Candle> = {}): Bar {
  return barsOf([candle(minute, more)])[0] as Bar;
}

function minutes(bars: Bars): number[] {
  return bars.list.map((one) => (one.ms - NINE_15) / 60_000);
}

test("pre-open bars and bars without prices are not drawn", () => {
  const drawn = barsOf([candle(-15, { session: "pre_open" }), candle(1, { high: null }), candle(0)]);
  assert.equal(drawn.length, 1);
});

test("bars of the stream grow the end, change what is inside, and fill holes", () => {
  const bars = new Bars();
  bars.refresh([bar(0), bar(1), bar(4)], []);
  assert.equal(bars.apply(bar(4, { close: 1.5 })), "tail");
  assert.equal(bars.apply(bar(5)), "tail");
  assert.equal(bars.apply(bar(1, { revision: 1 })), "inside");
  assert.equal(bars.apply(bar(2)), "all");
  assert.deepEqual(minutes(bars), [0, 1, 2, 4, 5]);
});

test("of two tellings the one that knows more wins, whichever came first", () => {
  const forming = bar(0, { status: "forming", volume: 90 });
  const final = bar(0, { volume: 80 });
  const amended = bar(0, { volume: 70, revision: 1 });
  for (const [a, b, best] of [
    [forming, final, final], [final, amended, amended], [bar(0, { volume: 9 }), final, final],
  ] as const) {
    assert.equal(newer(a, b), best);
    assert.equal(newer(b, a), best);
  }
});

test("what the stream told while an answer was on its way is kept", () => {
  const bars = new Bars();
  bars.refresh([bar(0), bar(1, { status: "forming", volume: 5 })], [bar(1, { volume: 9 }), bar(2)]);
  assert.deepEqual(minutes(bars), [0, 1, 2]);
  assert.equal(bars.list[1]?.volume, 9);
});

test("a new answer replaces its stretch and keeps older bars that it touches", () => {
  const bars = new Bars();
  bars.refresh([bar(0), bar(1), bar(2)], []);
  bars.refresh([bar(2, { revision: 1 }), bar(3)], []);
  assert.deepEqual(minutes(bars), [0, 1, 2, 3]);
  assert.equal(bars.list[2]?.revision, 1);
});

test("after an absence with a hole the old bars go rather than hide it", () => {
  const bars = new Bars();
  bars.refresh([bar(0), bar(1)], []);
  bars.refresh([bar(50), bar(51)], []);
  assert.deepEqual(minutes(bars), [50, 51]);
});

test("older bars come in front once each", () => {
  const bars = new Bars();
  bars.refresh([bar(5), bar(6)], []);
  assert.equal(bars.prepend([bar(3), bar(4), bar(5)]), 2);
  const held = bars.list;
  assert.equal(bars.prepend([bar(3)]), 0);
  bars.apply(bar(6, { close: 1.5 }));
  assert.equal(held.at(-1)?.close, 1.5, "a list that is being drawn is not left behind");
  assert.deepEqual(minutes(bars), [3, 4, 5, 6]);
});

test("a forming bar ends at the last price of its own time, other bars do not", () => {
  const forming = bar(0, { status: "forming" });
  const last = (price: number, minute: number) => ({ price, ms: NINE_15 + minute * 60_000 });
  assert.deepEqual(withLast(forming, last(2.5, 0.5), 60), { ...forming, close: 2.5, high: 2.5 });
  assert.deepEqual(withLast(forming, last(0.5, 0), 60), { ...forming, close: 0.5, low: 0.5 });
  assert.equal(withLast(forming, last(3, 1), 60), forming);
  assert.equal(withLast(forming, last(3, -1), 60), forming);
  assert.equal(withLast(forming, { price: 3, ms: null }, 60), forming);
  const final = bar(0);
  assert.equal(withLast(final, last(3, 0.5), 60), final);
});

test("flags are told where they matter: a day's high is the exchange's own", () => {
  const flagged = bar(0, { flags: ["ambiguous", "no_oi", "amended", "gap"], revision: 2 });
  const words = (interval: string) => marksOf(flagged, interval).map((mark) => mark.word);
  assert.deepEqual(words("1m"), ["ambiguous", "gap", "revision 2"]);
  assert.deepEqual(words("day"), ["gap", "revision 2"]);
  assert.deepEqual(words("week"), ["gap", "revision 2"]);
  assert.ok(marksOf(flagged, "1m").every((mark) => mark.means.length > 20));
});

test("the closing auction is drawn no higher than its day's highest minute", () => {
  const auction = { session: "closing_auction", volume: 900 } as const;
  const bars = [bar(-1_440, { volume: 70 }), bar(0, { volume: 30 }), bar(1), bar(375, auction)];
  assert.deepEqual(bars.map((_, place) => drawnVolume(bars, place)), [70, 30, 10, 30]);
  assert.equal(drawnVolume([bar(375, auction)], 0), 900);
  assert.equal(drawnVolume([bar(0, { volume: null })], 0), null);
});

test("the price at the pointer is one that can be traded", () => {
  assert.equal(onTick(100.12, 0.05).toFixed(2), "100.10");
  assert.equal(onTick(100.13, 0.05).toFixed(2), "100.15");
  assert.equal(onTick(100.13, 0), 100.13);
});

test("gaps are shaded over their bars, and a line where they left none", () => {
  const bars = [bar(0), bar(1, { flags: ["gap"] }), bar(2), bar(10)];
  const away = [{ fromMs: NINE_15 + 3 * 60_000, toMs: NINE_15 + 9 * 60_000 }];
  assert.deepEqual(bandsOf(bars, away, 60), [
    { from: 0.5, to: 1.5, kind: "gap" },
    { from: 2.5, to: 2.5, kind: "gap" },
  ]);
});

test("days are parted by a line and the closing auction has its own band", () => {
  const bars = [bar(0), bar(375, { session: "closing_auction" }), bar(1_440)];
  assert.deepEqual(bandsOf(bars, [], 60), [
    { from: 1.5, to: 1.5, kind: "day" },
    { from: 0.5, to: 1.5, kind: "auction" },
  ]);
  assert.deepEqual(bandsOf([bar(0), bar(1_440)], [], 86_400), []);
});
