import { dateOf, parseTime } from "../format/time";
import type { Instrument } from "../wire/wire";

export const GROUPS = ["All", "Indices", "Shares", "Futures", "Options"] as const;
export type Group = (typeof GROUPS)[number];

export type Column = "symbol" | "last" | "change" | "volume";

export interface Order {
  column: Column;
  descending: boolean;
}

/** What sorting needs of an instrument's quote; null sorts last either way. */
export interface Sortable {
  last: number | null;
  change: number | null;
  volume: number | null;
}

export function groupOf(instrument: Instrument): Exclude<Group, "All"> {
  if (instrument.segment.endsWith("INDICES")) return "Indices";
  if (instrument.instrument_type === "FUT") return "Futures";
  if (instrument.instrument_type === "CE" || instrument.instrument_type === "PE") return "Options";
  return "Shares";
}

/** How well the words fit, as the server ranks: 0 not at all. Every word must be found somewhere. */
export function fitness(instrument: Instrument, words: string[]): number {
  const first = words[0] ?? "";
  if (words.length === 1 && String(instrument.instrument_token) === first) return 5;
  const symbol = instrument.tradingsymbol.toLowerCase();
  const name = (instrument.name ?? "").toLowerCase();
  const text = `${instrument.key.toLowerCase()} ${name}`;
  if (!words.every((word) => text.includes(word))) return 0;
  const spaced = words.join(" ");
  const joined = words.join("");
  if (symbol === joined || isOf(symbol, words)) return 5;
  if (symbol.startsWith(spaced) || symbol.startsWith(joined)) return 4;
  if (symbol.startsWith(first)) return 3;
  return name.startsWith(spaced) ? 2 : 1;
}

/** Whether the symbol is these words, in any order: "bank nifty" means NIFTY BANK. */
function isOf(symbol: string, words: string[]): boolean {
  return symbol.split(" ").sort().join(" ") === [...words].sort().join(" ");
}

/** The instruments of a group that fit the query, best fits first while there is a query. */
export function select(instruments: readonly Instrument[], group: Group, query: string): Instrument[] {
  const inGroup = group === "All" ? instruments : instruments.filter((one) => groupOf(one) === group);
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...inGroup];
  return inGroup
    .map((instrument) => ({ instrument, fit: fitness(instrument, words) }))
    .filter(({ fit }) => fit > 0)
    .sort((a, b) => b.fit - a.fit || byExpiry(a.instrument, b.instrument))
    .map(({ instrument }) => instrument);
}

/** What does not expire comes first, then the nearest expiry. */
function byExpiry(a: Instrument, b: Instrument): number {
  return (a.expiry ?? "").localeCompare(b.expiry ?? "");
}

/** Indices first, then shares, futures, options; contracts by underlying, expiry and strike. */
export function arrange(instruments: Instrument[]): Instrument[] {
  const rank = new Map(GROUPS.map((group, place) => [group, place]));
  return [...instruments].sort(
    (a, b) => (rank.get(groupOf(a)) ?? 0) - (rank.get(groupOf(b)) ?? 0) || bySymbol(a, b),
  );
}

const named = new Intl.Collator("en", { numeric: true });

/** By name, contracts of one underlying by time: NOV comes before DEC. */
function bySymbol(a: Instrument, b: Instrument): number {
  return (
    named.compare(underlyingOf(a), underlyingOf(b)) ||
    byExpiry(a, b) ||
    (a.strike ?? 0) - (b.strike ?? 0) ||
    named.compare(a.tradingsymbol, b.tradingsymbol)
  );
}

function underlyingOf(instrument: Instrument): string {
  return (instrument.expiry !== null && instrument.name) || instrument.tradingsymbol;
}

/** What a row says: a contract by underlying, strike and right, which its symbol hides. */
export function titleOf(instrument: Instrument): { main: string; expiry: string | null } {
  const { tradingsymbol, name, instrument_type: type, strike } = instrument;
  const ms = parseTime(instrument.expiry);
  if (ms === null || !name) return { main: tradingsymbol, expiry: null };
  const main = strike === null ? `${name} ${type}` : `${name} ${strike} ${type}`;
  return { main, expiry: dateOf(ms) };
}

export function sort(
  instruments: Instrument[],
  order: Order,
  read: (key: string) => Sortable,
): Instrument[] {
  const sign = order.descending ? -1 : 1;
  if (order.column === "symbol") {
    return [...instruments].sort((a, b) => sign * bySymbol(a, b));
  }
  const column = order.column;
  const values = instruments.map((instrument) => ({ instrument, value: read(instrument.key)[column] }));
  values.sort((a, b) => {
    if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
    return sign * (a.value - b.value);
  });
  return values.map(({ instrument }) => instrument);
}
