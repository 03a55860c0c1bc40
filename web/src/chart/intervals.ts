/** In the order of the keys 1 to 9. */
export const INTERVALS = ["1m", "2m", "3m", "5m", "10m", "15m", "30m", "60m", "day"] as const;
export type Interval = (typeof INTERVALS)[number];

export const FIRST_INTERVAL: Interval = "5m";

export function isInterval(text: string | undefined): text is Interval {
  return INTERVALS.some((one) => one === text);
}

/** Seconds a bar spans; a day counts as one. */
export function spanOf(interval: Interval): number {
  return interval === "day" ? 86_400 : Number.parseInt(interval, 10) * 60;
}
