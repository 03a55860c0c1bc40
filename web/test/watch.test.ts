import assert from "node:assert/strict";
import { test } from "node:test";
import { arrange, groupOf, select, sort, titleOf } from "../src/watch/universe";
import { reveal, visible } from "../src/watch/visible";
import type { Instrument } from "../src/wire/wire";

function instrument(key: string, more: Partial<Instrument> = {}): Instrument {
  const [exchange = "", tradingsymbol = ""] = key.split(":");
  return {
    instrument_token: 1, key, tradingsymbol, name: tradingsymbol, exchange, segment: exchange,
    instrument_type: "EQ", expiry: null, strike: null, tick_size: 0.05, lot_size: 1,
    session_class: "cash", ...more,
  };
}

const NIFTY = instrument("NSE:NIFTY 50", { segment: "INDICES" });
const INFY = instrument("NSE:INFY", { name: "INFOSYS" });
const TATA = instrument("NSE:TATAINFRA");
const FUTURE = instrument("NFO:INFY26NOVFUT", { segment: "NFO-FUT", instrument_type: "FUT" });
const CALL = instrument("NFO:NIFTY26NOV24500CE", {
  segment: "NFO-OPT", instrument_type: "CE", name: "NIFTY", strike: 24_500, expiry: "2026-11-24",
});
const HIGH_CALL = { ...CALL, key: "NFO:NIFTY26NOV100000CE", strike: 100_000 };
const ALL = [HIGH_CALL, CALL, FUTURE, TATA, INFY, NIFTY];

test("instruments fall into the groups a trader speaks of", () => {
  assert.deepEqual(ALL.map(groupOf), ["Options", "Options", "Futures", "Shares", "Shares", "Indices"]);
  assert.deepEqual(arrange(ALL), [NIFTY, INFY, TATA, FUTURE, CALL, HIGH_CALL]);
  assert.deepEqual(select(ALL, "Futures", ""), [FUTURE]);
});

test("searching puts the best fit first and needs every word", () => {
  assert.deepEqual(select(arrange(ALL), "All", "inf"), [INFY, FUTURE, TATA]);
  assert.deepEqual(select(ALL, "All", "infosys"), [INFY]);
  assert.deepEqual(select(ALL, "All", "infy fut"), [FUTURE]);
  assert.deepEqual(select(ALL, "All", "infy zzz"), []);
});

test("contracts stand in the order of their expiry, not of the alphabet", () => {
  const future = (month: string, expiry: string) =>
    instrument(`NFO:NIFTY26${month}FUT`, { name: "NIFTY", instrument_type: "FUT", expiry });
  const december = future("DEC", "2026-12-29");
  const february = future("FEB", "2027-02-23");
  const january = future("JAN", "2027-01-26");
  const inTime = [december, january, february];
  assert.deepEqual(arrange([january, february, december]), inTime);
  assert.deepEqual(select([february, january, december], "All", "nifty fut"), inTime);
});

test("an index is found by its words in any order, and a token by its digits", () => {
  const bank = instrument("NSE:NIFTY BANK", { segment: "INDICES", instrument_token: 260105 });
  const psu = instrument("NSE:NIFTY PSU BANK", { segment: "INDICES" });
  const future = instrument("NFO:BANKNIFTY26NOVFUT", { name: "BANKNIFTY", expiry: "2026-11-24" });
  assert.deepEqual(select([future, psu, bank], "All", "bank nifty"), [bank, future, psu]);
  assert.deepEqual(select([future, psu, bank], "All", "260105"), [bank]);
});

test("an option says its strike, right and expiry, a share its symbol", () => {
  assert.deepEqual(titleOf(CALL), { main: "NIFTY 24500 CE", expiry: "24 Nov" });
  assert.deepEqual(titleOf(INFY), { main: "INFY", expiry: null });
});

test("sorting leaves what has no value at the end, either way", () => {
  const values: Record<string, number | null> = { "NSE:INFY": 2, "NSE:TATAINFRA": null, "NFO:INFY26NOVFUT": 5 };
  const read = (key: string) => ({ last: values[key] ?? null, change: null, volume: null });
  const rows = [TATA, INFY, FUTURE];
  assert.deepEqual(sort(rows, { column: "last", descending: true }, read), [FUTURE, INFY, TATA]);
  assert.deepEqual(sort(rows, { column: "last", descending: false }, read), [INFY, FUTURE, TATA]);
});

test("only the rows in view are drawn, and never beyond the list", () => {
  assert.deepEqual(visible({ top: 0, height: 240 }, 24, 500, 2), { first: 0, last: 12 });
  assert.deepEqual(visible({ top: 2_400, height: 240 }, 24, 500, 2), { first: 98, last: 112 });
  assert.deepEqual(visible({ top: 2_400, height: 240 }, 24, 3, 2), { first: 3, last: 3 });
});

test("a row is brought into view by the shortest way", () => {
  const view = { top: 240, height: 240 };
  assert.equal(reveal(view, 24, 12), 240);
  assert.equal(reveal(view, 24, 3), 72);
  assert.equal(reveal(view, 24, 30), 504);
});
