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

/** How well the words fit: 0 not at all, more is better. Every word must be found somewhere. */
export function fitness(instrument: Instrument, words: string[]): number {
  const symbol = instrument.tradingsymbol.toLowerCase();
  const text = `${instrument.key} ${instrument.name}`.toLowerCase();
  if (!words.every((word) => text.includes(word))) return 0;
  const first = words[0] ?? "";
  if (symbol === first) return 4;
  if (symbol.startsWith(first)) return 3;
  return symbol.includes(first) ? 2 : 1;
}

/** The instruments of a group that fit the query, best fits first while there is a query. */
export function select(instruments: readonly Instrument[], group: Group, query: string): Instrument[] {
  const inGroup = group === "All" ? instruments : instruments.filter((one) => groupOf(one) === group);
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...inGroup];
  return inGroup
    .map((instrument) => ({ instrument, fit: fitness(instrument, words) }))
    .filter(({ fit }) => fit > 0)
    .sort((a, b) => b.fit - a.fit)
    .map(({ instrument }) => instrument);
}

/** Indices first, then shares, futures, options; inside a group by symbol, options by strike. */
export function arrange(instruments: Instrument[]): Instrument[] {
  const rank = new Map(GROUPS.map((group, place) => [group, place]));
  const named = new Intl.Collator("en", { numeric: true });
  return [...instruments].sort(
    (a, b) =>
      (rank.get(groupOf(a)) ?? 0) - (rank.get(groupOf(b)) ?? 0) ||
      compareContracts(a, b) ||
      named.compare(a.tradingsymbol, b.tradingsymbol),
  );
}

function compareContracts(a: Instrument, b: Instrument): number {
  if (groupOf(a) !== "Options") return 0;
  return (
    (a.name ?? "").localeCompare(b.name ?? "") ||
    (a.expiry ?? "").localeCompare(b.expiry ?? "") ||
    (a.strike ?? 0) - (b.strike ?? 0)
  );
}

export function sort(
  instruments: Instrument[],
  order: Order,
  read: (key: string) => Sortable,
): Instrument[] {
  const sign = order.descending ? -1 : 1;
  if (order.column === "symbol") {
    const named = new Intl.Collator("en", { numeric: true });
    return [...instruments].sort((a, b) => sign * named.compare(a.tradingsymbol, b.tradingsymbol));
  }
  const column = order.column;
  const values = instruments.map((instrument) => ({ instrument, value: read(instrument.key)[column] }));
  values.sort((a, b) => {
    if (a.value === null || b.value === null) return Number(a.value === null) - Number(b.value === null);
    return sign * (a.value - b.value);
  });
  return values.map(({ instrument }) => instrument);
}
