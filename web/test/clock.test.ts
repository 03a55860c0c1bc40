import assert from "node:assert/strict";
import { test } from "node:test";
import { MarketClock } from "../src/clock/clock";

const TEN = "2026-11-20T10:00:00+05:30";

test("market time counts on from the server's word at the clock's speed", () => {
  let steady = 1_000;
  const clock = new MarketClock(() => steady);
  clock.apply({ now: TEN, speed: 60, running: true, driven: true, source: "simulated" });
  steady += 2_000;
  assert.equal(clock.now(), Date.parse(TEN) + 120_000);
});

test("a paused clock stands still", () => {
  let steady = 0;
  const clock = new MarketClock(() => steady);
  clock.apply({ now: TEN, speed: 5, running: false, driven: true, source: "simulated" });
  steady += 60_000;
  assert.equal(clock.now(), Date.parse(TEN));
});

test("without a server time stands, whatever is still on its way", () => {
  let steady = 0;
  const clock = new MarketClock(() => steady);
  clock.anchor(TEN);
  steady += 1_000;
  clock.hold();
  steady += 60_000;
  clock.anchor("2026-11-20T10:01:00+05:30");
  assert.equal(clock.now(), Date.parse(TEN) + 1_000);
  clock.release();
  assert.equal(clock.now(), Date.parse(TEN) + 1_000);
  clock.anchor("2026-11-20T10:01:02+05:30");
  assert.equal(clock.now(), Date.parse(TEN) + 62_000);
});

test("time shown waits for the server's rather than go back", () => {
  let steady = 0;
  const clock = new MarketClock(() => steady);
  clock.apply({ now: TEN, speed: 60, running: true, driven: true, source: "simulated" });
  steady += 1_000;
  assert.equal(clock.now(), Date.parse(TEN) + 60_000);
  clock.apply({
    now: "2026-11-20T10:00:50+05:30", speed: 5, running: true, driven: true, source: "simulated",
  });
  assert.equal(clock.now(), Date.parse(TEN) + 60_000);
  steady += 3_000;
  assert.equal(clock.now(), Date.parse(TEN) + 65_000);
});

test("only a real step back is told, not a message that was a little late", () => {
  const clock = new MarketClock(() => 0);
  let told = 0;
  clock.onSetBack(() => {
    told += 1;
  });
  clock.anchor(TEN);
  clock.anchor("2026-11-20T09:59:59+05:30");
  assert.equal(told, 0);
  clock.anchor("2026-11-20T09:15:00+05:30");
  assert.equal(told, 1);
  clock.anchor("not a time");
  assert.equal(clock.now(), Date.parse("2026-11-20T09:15:00+05:30"));
});
