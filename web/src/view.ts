import { effect, signal } from "@preact/signals";
import { FIRST_INTERVAL, type Interval, isInterval } from "./chart/intervals";

/** Which chart is open; the address says it too, so that a window can be kept or copied. */
export class View {
  readonly key = signal<string | null>(null);
  readonly interval = signal<Interval>(FIRST_INTERVAL);
  readonly help = signal(false);
  /** A sentence about what the address asked for and could not have, or null. */
  readonly notice = signal<string | null>(null);
  /** Counts the wishes to see the newest candle again. */
  readonly home = signal(0);

  constructor() {
    this.read();
    addEventListener("hashchange", () => this.read());
    effect(() => {
      const { key, interval } = this;
      if (key.value === null) return;
      const hash = `#${encodeURIComponent(key.value)}/${interval.value}`;
      if (location.hash !== hash) history.replaceState(null, "", hash);
    });
  }

  private read(): void {
    const [key, interval] = location.hash.slice(1).split("/");
    if (key) this.key.value = decoded(key);
    if (isInterval(interval)) this.interval.value = interval;
  }
}

/** The text as it was meant; as it stands where it was broken on the way. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
