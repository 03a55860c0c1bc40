/** What every firki offers; ``live.intervals`` of the server adds to them. */
export const USUAL = ["1m", "2m", "3m", "4m", "5m", "10m", "15m", "30m", "60m", "day"] as const;

export type Interval = string;

export const FIRST_INTERVAL: Interval = "5m";

const LONG: Readonly<Record<string, number>> = { day: 1, week: 7, month: 31 };

/** A name as the server writes it; which ones it has it says itself. */
export function isInterval(text: string | undefined): text is Interval {
  return text !== undefined && (/^[1-9]\d{0,3}m$/.test(text) || text in LONG);
}

/** In the order of the keys 1 to 9: the usual ones, the server's further ones, and the one chosen. */
export function offered(told: readonly string[] | undefined, chosen: Interval): Interval[] {
  return [...new Set<Interval>([...USUAL, ...(told ?? []).filter(isInterval), chosen])];
}

/** Seconds a bar spans at most; a day counts as one. */
export function spanOf(interval: Interval): number {
  return (LONG[interval] ?? 0) * 86_400 || Number.parseInt(interval, 10) * 60;
}

/** "5m", "D", "W", "M": on a button. */
export function shortName(interval: Interval): string {
  return interval in LONG ? interval.charAt(0).toUpperCase() : interval;
}
