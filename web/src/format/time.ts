/** Every time on the page is Indian time, whatever the zone of the machine that shows it. */

export const IST_SECONDS = 19_800;

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const MONTHS = [
  "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
] as const;

/** Milliseconds since the epoch, or null for what is no time. */
export function parseTime(text: string | null | undefined): number | null {
  if (!text) return null;
  const found = Date.parse(text);
  return Number.isNaN(found) ? null : found;
}

/** A Date whose UTC fields read as the wall clock in India. */
function wall(ms: number): Date {
  return new Date(ms + IST_SECONDS * 1000);
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/** "10:23" */
export function minuteOf(ms: number): string {
  const at = wall(ms);
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
}

/** "10:23:45" */
export function secondOf(ms: number): string {
  return `${minuteOf(ms)}:${two(wall(ms).getUTCSeconds())}`;
}

/** "18 Nov" */
export function dateOf(ms: number): string {
  const at = wall(ms);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`;
}

/** "Tue 18 Nov 2025" */
export function dayOf(ms: number): string {
  const at = wall(ms);
  return `${DAYS[at.getUTCDay()]} ${dateOf(ms)} ${at.getUTCFullYear()}`;
}

/** "Nov", or "2025" in January: the label of a month on an axis. */
export function monthOf(ms: number): string {
  const at = wall(ms);
  return at.getUTCMonth() === 0 ? String(at.getUTCFullYear()) : String(MONTHS[at.getUTCMonth()]);
}

export function yearOf(ms: number): string {
  return String(wall(ms).getUTCFullYear());
}

/** Days since the epoch as counted in India. */
export function dayNumber(ms: number): number {
  return Math.floor((ms / 1000 + IST_SECONDS) / 86_400);
}

/** "2025-11-18T10:23:45+05:30", as the server takes it. */
export function isoOf(ms: number): string {
  return `${wall(ms).toISOString().slice(0, 19)}+05:30`;
}

/** The time with its day when it is not of the day of ``now``. */
export function nearOf(ms: number | null, now: number): string {
  if (ms === null) return "–";
  return dayNumber(ms) === dayNumber(now) ? secondOf(ms) : `${dateOf(ms)} ${secondOf(ms)}`;
}

/** When a bar starts, as short as it is plain: "11:20", "18 Nov 11:20", "18 Nov", "18 Nov 2025". */
export function startOf(ms: number, now: number, intraday: boolean): string {
  if (intraday && dayNumber(ms) === dayNumber(now)) return minuteOf(ms);
  const day = yearOf(ms) === yearOf(now) ? dateOf(ms) : `${dateOf(ms)} ${yearOf(ms)}`;
  return intraday ? `${day} ${minuteOf(ms)}` : day;
}

/** "7s", "3m", "2h", "4d": an age where there is no room. */
export function shortAge(seconds: number): string {
  if (seconds < 100) return `${Math.floor(seconds)}s`;
  if (seconds < 6_000) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** "0.4 s", "59.9 s", "2:05.3": an age that is seen counting in tenths. */
export function tenths(seconds: number | null): string {
  if (seconds === null) return "–";
  const ticks = Math.floor(Math.max(0, seconds) * 10 + 1e-6);
  if (ticks < 600) return `${(ticks / 10).toFixed(1)} s`;
  if (ticks < 36_000) return `${Math.floor(ticks / 600)}:${((ticks % 600) / 10).toFixed(1).padStart(4, "0")}`;
  return span(seconds);
}

/** "3 h 05 m", "4 m 10 s" */
export function span(seconds: number): string {
  const all = Math.floor(Math.max(0, seconds));
  if (all < 60) return `${all} s`;
  if (all < 3_600) return `${Math.floor(all / 60)} m ${two(all % 60)} s`;
  if (all < 172_800) return `${Math.floor(all / 3_600)} h ${two(Math.floor((all % 3_600) / 60))} m`;
  return `${Math.floor(all / 86_400)} d ${Math.floor((all % 86_400) / 3_600)} h`;
}
