/** Seconds of market time after which a value is no longer fresh, while the market is open. */
export const STALE_SECONDS = 5;

/** Phases in which no prices are expected, so that an old one is simply the last one. */
const QUIET = new Set([
  "closed", "pre_open_matching", "buffer", "closing_reference", "closing_entry", "closing_limit",
  "closing_auction", "post_close", "cancel_only",
]);

export function inSession(phase: string | null | undefined): boolean {
  return phase != null && !QUIET.has(phase);
}

/** Seconds since the value came, in market time; null when it never did. */
export function ageOf(receivedMs: number | null, nowMs: number): number | null {
  return receivedMs === null ? null : Math.max(0, (nowMs - receivedMs) / 1000);
}

/**
 * Whether a value of this age must not look fresh; of an unknown age it must not.
 *
 * On a clock that runs faster the watcher's own five seconds count: at 60x even the next message
 * of a lively feed is many market seconds away.
 */
export function isStale(age: number | null, speed: number): boolean {
  return age === null || age > STALE_SECONDS * Math.max(1, speed);
}
