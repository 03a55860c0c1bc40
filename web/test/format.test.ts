import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, decimalsOf, direction, percent, price, short, signed, speedOf, whole } from "../src/format/number";
import {
  dayNumber, dayOf, isoOf, minuteOf, nearOf, parseTime, secondOf, shortAge, span, startOf, tenths,
} from "../src/format/time";

const AT = Date.parse("2026-11-20T10:23:45.678+05:30");

test("prices are grouped the Indian way", () => {
  assert.equal(price(1234567.05), "12,34,567.05");
  assert.equal(price(100), "100.00");
  assert.equal(price(84.2525, 4), "84.2525");
  assert.equal(price(-5), "−5.00");
  assert.equal(whole(123456789), "12,34,56,789");
});

test("a speed is told in few digits", () => {
  assert.deepEqual([0.25, 2, 59.94, 1 / 3, 100_000].map(speedOf), ["0.25", "2", "59.9", "0.333", "1.00 L"]);
});

test("what is absent is a dash and never a zero", () => {
  for (const absent of [null, undefined, Number.NaN]) {
    assert.equal(price(absent), "–");
    assert.equal(percent(absent), "–");
    assert.equal(whole(absent), "–");
    assert.equal(short(absent), "–");
    assert.equal(bytes(absent), "–");
  }
  assert.equal(price(0), "0.00");
});

test("a change carries its sign, and none when it rounds to nothing", () => {
  assert.equal(signed(12.3), "+12.30");
  assert.equal(signed(-0.45), "−0.45");
  assert.equal(signed(0.004), "0.00");
  assert.equal(signed(-0.004), "0.00");
  assert.equal(percent(-1234.5), "−1,234.50%");
});

test("the colour follows the sign that is shown", () => {
  for (const value of [1, 0.006, 0.005, 0.0049, 0, -0.0049, -0.006, -1]) {
    const shown = signed(value);
    const sign = shown.startsWith("+") ? 1 : shown.startsWith("−") ? -1 : 0;
    assert.equal(direction(value), sign, `${value} is shown as ${shown}`);
  }
});

test("every price on the tick grid can be told apart", () => {
  assert.equal(decimalsOf(0.05), 2);
  assert.equal(decimalsOf(0.0025), 4);
  assert.equal(decimalsOf(1), 2);
  assert.equal(decimalsOf(0), 2);
});

test("large numbers are short in lakhs and crores", () => {
  assert.equal(short(999), "999");
  assert.equal(short(1_000), "1.00 K");
  assert.equal(short(99_999), "1.00 L");
  assert.equal(short(12_34_567), "12.3 L");
  assert.equal(short(1_23_45_678), "1.23 Cr");
  assert.equal(short(1_23_45_67_890), "123 Cr");
  assert.equal(bytes(18_432), "18.0 KiB");
});

test("times are Indian wherever the machine stands", () => {
  assert.equal(secondOf(AT), "10:23:45");
  assert.equal(minuteOf(Date.parse("2026-11-20T20:00:00Z")), "01:30");
  assert.equal(dayOf(Date.parse("2026-11-20T20:00:00Z")), "Sat 21 Nov 2026");
  assert.equal(isoOf(AT), "2026-11-20T10:23:45+05:30");
  assert.equal(parseTime(isoOf(AT)), AT - 678);
  assert.equal(parseTime("soon"), null);
  assert.equal(dayNumber(AT), dayNumber(Date.parse("2026-11-20T00:00:00+05:30")));
  assert.equal(dayNumber(AT) - 1, dayNumber(Date.parse("2026-11-19T23:59:59+05:30")));
  assert.equal(nearOf(AT - 86_400_000, AT), "19 Nov 10:23:45");
});

test("the start of a bar says no more than it must", () => {
  const now = AT + 3_600_000;
  assert.equal(startOf(AT, now, true), "10:23");
  assert.equal(startOf(AT - 86_400_000, now, true), "19 Nov 10:23");
  assert.equal(startOf(AT, now, false), "20 Nov");
  assert.equal(startOf(AT - 365 * 86_400_000, now, true), "20 Nov 2025 10:23");
});

test("ages count in tenths and are never rounded up", () => {
  assert.equal(tenths(0.3), "0.3 s");
  assert.equal(tenths(0.199), "0.1 s");
  assert.equal(tenths(59.97), "59.9 s");
  assert.equal(tenths(125.34), "2 m 05 s");
  assert.equal(tenths(null), "–");
  assert.equal(shortAge(7.9), "7 s");
  assert.equal(shortAge(600), "10 m");
  assert.equal(span(11_100), "3 h 05 m");
});
