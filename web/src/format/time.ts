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

/** "7 s", "3 m", "2 h", "4 d": an age where there is no room, by its largest unit. */
export function shortAge(seconds: number): string {
  return span(seconds).split(" ").slice(0, 2).join(" ");
}

/** "0.4 s", "59.9 s", then as ``span``: an age that is seen counting in tenths. */
export function tenths(seconds: number | null): string {
  if (seconds === null) return "–";
  const ticks = Math.floor(Math.max(0, seconds) * 10 + 1e-6);
  return ticks < 600 ? `${(ticks / 10).toFixed(1)} s` : span(seconds);
}

/** "7 s", "4 m 10 s", "3 h 05 m", "2 d 3 h" */
export function span(seconds: number): string {
  const all = Math.floor(Math.max(0, seconds));
  if (all < 60) return `${all} s`;
  if (all < 3_600) return `${Math.floor(all / 60)} m ${two(all % 60)} s`;
  if (all < 172_800) return `${Math.floor(all / 3_600)} h ${two(Math.floor((all % 3_600) / 60))} m`;
  return `${Math.floor(all / 86_400)} d ${Math.floor((all % 86_400) / 3_600)} h`;
}
