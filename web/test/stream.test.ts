import assert from "node:assert/strict";
import { test } from "node:test";
import { Board, follow } from "../src/quotes/board";
import { inSession, isStale } from "../src/quotes/age";
import { Sequence, retryDelay } from "../src/stream/sequence";
import type { KeyedQuote } from "../src/wire/wire";

function quote(key: string, last: number, received = "2026-11-20T10:00:00+05:30"): KeyedQuote {
  return {
    key, instrument_token: 1, last_price: last, last_quantity: null, average_price: null,
    volume_traded: null, buy_quantity: null, sell_quantity: null, open: null, high: null, low: null,
    close: null, change: null, change_percent: null, last_trade_time: null, exchange_time: null,
    received_time: received, oi: null, oi_day_high: null, oi_day_low: null, age_seconds: 0,
    connection: 0,
  };
}

test("a missed, repeated or late message is noticed", () => {
  const sequence = new Sequence();
  assert.equal(sequence.accept(1), true);
  assert.equal(sequence.accept(2), true);
  assert.equal(sequence.accept(2), false);
  assert.equal(sequence.accept(4), false);
  assert.equal(new Sequence().accept(2), false);
});

test("retries come at growing distances that stay under six seconds", () => {
  assert.ok(retryDelay(0, 0.5) <= 250);
  assert.ok(retryDelay(1, 0.5) > retryDelay(0, 0.5));
  for (let attempt = 0; attempt < 60; attempt += 1) assert.ok(retryDelay(attempt, 0.999) < 6_000);
});

test("the last move's direction stays when a quote repeats the price", () => {
  const first = follow(null, quote("A", 10));
  assert.deepEqual([first.direction, first.moves], [0, 0]);
  const up = follow(first, quote("A", 11));
  const same = follow(up, quote("A", 11));
  assert.deepEqual([same.direction, same.moves], [1, 1]);
  assert.equal(follow(same, quote("A", 9)).direction, -1);
});

test("a slow snapshot does not undo what the stream has told since", () => {
  const board = new Board();
  board.restart();
  board.applyStream([quote("A", 12)]);
  board.applySnapshot({ A: quote("A", 10), B: quote("B", 20) });
  assert.equal(board.entry("A").value?.quote.last_price, 12);
  assert.equal(board.entry("B").value?.quote.last_price, 20);
  board.restart();
  board.applySnapshot({ A: quote("A", 10) });
  assert.equal(board.entry("A").value?.quote.last_price, 10);
});

test("of two tellings of a quote the one received later holds, whichever came first", () => {
  const board = new Board();
  board.applyStream([quote("A", 12, "2026-11-20T10:00:02+05:30")]);
  board.applyStream([quote("A", 10, "2026-11-20T10:00:01+05:30")]);
  assert.equal(board.entry("A").value?.quote.last_price, 12);
  board.restart();
  board.applyStream([quote("A", 9, "2026-11-20T09:00:00+05:30")]);
  assert.equal(board.entry("A").value?.quote.last_price, 9, "a clock set back is followed");
});

test("a value is stale after five seconds of the watcher's time, and when its age is unknown", () => {
  assert.equal(isStale(4.9, 1), false);
  assert.equal(isStale(5.1, 1), true);
  assert.equal(isStale(5.1, 60), false);
  assert.equal(isStale(301, 60), true);
  assert.equal(isStale(5.1, 0.5), true);
  assert.equal(isStale(null, 1), true);
});

test("only phases without prices count as quiet", () => {
  assert.equal(inSession("continuous"), true);
  assert.equal(inSession("pre_open"), true);
  assert.equal(inSession("a_phase_of_next_year"), true);
  for (const phase of ["closed", "buffer", "closing_reference", "closing_entry", "post_close"]) {
    assert.equal(inSession(phase), false);
  }
  assert.equal(inSession(null), false);
});
