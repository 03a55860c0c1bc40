import { type Signal, batch, signal } from "@preact/signals";
import { parseTime } from "../format/time";
import type { KeyedQuote, Quote } from "../wire/wire";

/** The newest quote of one instrument, and how its last price came there. */
export interface Entry {
  quote: Quote;
  receivedMs: number | null;
  /** Which way the last price moved when it last moved. */
  direction: -1 | 0 | 1;
  /** How often it moved: an odd and an even flash differ, so that each one starts anew. */
  moves: number;
}

/** The newest of every instrument, one signal each: what shows a row is redrawn for it alone. */
export class Board {
  private readonly entries = new Map<string, Signal<Entry | null>>();
  /** Keys the stream has told since it was last started; a slower answer does not undo them. */
  private told = new Set<string>();
  newestMs: number | null = null;

  entry(key: string): Signal<Entry | null> {
    let found = this.entries.get(key);
    if (!found) {
      found = signal<Entry | null>(null);
      this.entries.set(key, found);
    }
    return found;
  }

  /** The stream starts over: from here on it outranks snapshots again. */
  restart(): void {
    this.told = new Set();
    this.newestMs = null;
  }

  applyStream(quotes: KeyedQuote[]): void {
    batch(() => {
      for (const quote of quotes) {
        this.put(quote.key, quote);
        this.told.add(quote.key);
      }
    });
  }

  applySnapshot(quotes: Record<string, Quote>): void {
    batch(() => {
      for (const [key, quote] of Object.entries(quotes)) {
        if (!this.told.has(key)) this.put(key, quote);
      }
    });
  }

  /** Two subscriptions may tell of one instrument: the one that knows less does not undo the other. */
  private put(key: string, quote: Quote): void {
    const held = this.entry(key);
    const old = held.peek();
    const next = follow(old, quote);
    const older = old !== null && (next.receivedMs ?? 0) < (old.receivedMs ?? 0);
    if (older && this.told.has(key)) return;
    held.value = next;
    const { receivedMs } = next;
    if (receivedMs !== null && receivedMs > (this.newestMs ?? 0)) this.newestMs = receivedMs;
  }
}

export function follow(old: Entry | null, quote: Quote): Entry {
  const moved = old === null ? 0 : Math.sign(quote.last_price - old.quote.last_price);
  return {
    quote,
    receivedMs: parseTime(quote.received_time),
    direction: moved === 0 ? (old?.direction ?? 0) : moved > 0 ? 1 : -1,
    moves: (old?.moves ?? 0) + (moved === 0 ? 0 : 1),
  };
}
