import { type ReadonlySignal, computed, effect, signal } from "@preact/signals";
import { beat } from "./clock/beat";
import { MarketClock } from "./clock/clock";
import { ageOf, inSession, isStale } from "./quotes/age";
import { Board } from "./quotes/board";
import { Stream } from "./stream/stream";
import { View } from "./view";
import { arrange } from "./watch/universe";
import { Watch } from "./watch/watch";
import { Api } from "./wire/api";
import type {
  ClockOrder, ClockState, Health, Instrument, KeyedQuote, QuotesAnswer,
} from "./wire/wire";

/** The list is asked for up to this length; of a longer market the rest is found by searching. */
const LIST_LIMIT = 2_000;
const FOUND_LIMIT = 50;
const RATES_KEPT = 90;
/** No key of an instrument is longer, so the server takes no more. */
const MOST_QUERY = 64;

/** Everything the page stands on, made once and handed to the views. */
export class Desk {
  readonly locked = signal(false);
  /** A sentence about what is wrong with the list of instruments, or null. */
  readonly trouble = signal<string | null>(null);
  readonly health = signal<Health | null>(null);
  readonly rates = signal<readonly number[]>([]);
  readonly instruments = signal<readonly Instrument[]>([]);
  readonly truncated = signal(false);
  readonly tenth = beat(100);
  readonly quarter = beat(250);
  readonly second = beat(1_000);
  readonly view = new View();
  readonly clock = new MarketClock();
  readonly board = new Board();
  readonly api = new Api(() => {
    this.locked.value = true;
  });
  readonly stream = new Stream(streamUrl(), {
    onAsOf: (asOf) => this.clock.anchor(asOf),
    onRefused: () => void this.readClock(),
  });
  readonly watch = new Watch(this.instruments, this.board, this.second);
  readonly byKey: ReadonlySignal<ReadonlyMap<string, Instrument>> = computed(
    () => new Map(this.instruments.value.map((one) => [one.key, one])),
  );
  readonly open: ReadonlySignal<Instrument | null> = computed(
    () => this.byKey.value.get(this.view.key.value ?? "") ?? null,
  );
  /** Whether prices of any instrument at hand are expected to move now. */
  readonly inSession = computed(() => {
    const classes = new Set(this.instruments.value.map((one) => one.session_class));
    return [...classes].some((name) => inSession(this.phaseOf(name)));
  });
  private endQuotes: () => void = () => {};

  start(): void {
    this.stream.subscribe({ channel: "health", onData: (data) => this.hearHealth(data as Health) });
    this.clock.onSetBack(() => this.stream.restart());
    this.reloadWithTheDay();
    effect(() => {
      const key = this.view.key.value;
      if (key && this.byKey.value.size > 0 && !this.byKey.value.has(key)) void this.openInstead(key);
    });
    effect(() => {
      if (this.stream.state.value === "lost") this.clock.hold();
      else this.clock.release();
    });
    const reading = setInterval(() => void this.readClock(), 5_000);
    effect(() => {
      if (!this.locked.value) return;
      this.stream.stop();
      clearInterval(reading);
    });
    void this.readClock();
    void this.loadInstruments();
    this.stream.start();
  }

  /** What the exchange does now with instruments of a class; of none, with shares. */
  phaseOf(sessionClass: string | undefined): string | null {
    const health = this.health.value;
    return health?.phases?.[sessionClass ?? ""] ?? health?.market.phase ?? null;
  }

  /** Whether a value received then must be drawn grey; without an instrument, that of any. */
  stale(receivedMs: number | null, instrument?: Instrument | null): boolean {
    if (this.stream.state.value === "lost") return true;
    const moving = instrument
      ? inSession(this.phaseOf(instrument.session_class))
      : this.inSession.value;
    return moving && isStale(this.age(receivedMs), this.clock.speed.value);
  }

  age(receivedMs: number | null): number | null {
    return this.clock.known.value ? ageOf(receivedMs, this.clock.now()) : null;
  }

  async orderClock(order: ClockOrder): Promise<void> {
    try {
      await this.api.post("/api/clock", order);
    } finally {
      await this.readClock();
    }
  }

  /** Look for instruments beyond the list at hand; what is found joins it. */
  async find(query: string, signal?: AbortSignal): Promise<void> {
    if (!this.truncated.value) return;
    const values = { captured: true, limit: FOUND_LIMIT, search: query.slice(0, MOST_QUERY) };
    const found = await this.api.get<{ instruments: Instrument[] }>("/api/instruments", values, signal);
    const known = this.byKey.value;
    const added = found.instruments.filter((one) => !known.has(one.key));
    if (added.length > 0) this.takeInstruments([...this.instruments.value, ...added]);
  }

  /** The address named what is not in the list: look for it, else say so and open the usual one. */
  private async openInstead(key: string): Promise<void> {
    const upper = key.toUpperCase();
    if (this.byKey.peek().has(upper)) {
      this.view.key.value = upper;
      return;
    }
    // the part behind the exchange: what is searched for are symbols
    await this.find(upper.split(":").at(-1) ?? upper).catch(() => {});
    if (this.byKey.peek().has(key) || this.view.key.peek() !== key) return;
    this.view.key.value = firstKey(this.instruments.peek());
    this.watch.cursor.value = this.view.key.value;
    this.view.notice.value = `“${key}” is not among the instruments captured here.`;
  }

  /** A server that came back may hold other instruments, and so may a new day. */
  private reloadWithTheDay(): void {
    let lost = false;
    let day: string | null = null;
    effect(() => {
      const state = this.stream.state.value;
      const its = this.health.value?.market.trading_date ?? null;
      if ((lost && state === "open") || (day !== null && its !== null && its !== day)) {
        void this.loadInstruments();
      }
      lost = state === "lost" || (lost && state !== "open");
      day = its ?? day;
    });
  }

  private async readClock(): Promise<void> {
    try {
      this.clock.apply(await this.api.get<ClockState>("/api/clock"));
    } catch {
      // the banner tells of a server that is away; a 401 has locked the page
    }
  }

  private async loadInstruments(): Promise<void> {
    const values = { captured: true, limit: LIST_LIMIT };
    try {
      const { instruments } = await this.api.get<{ instruments: Instrument[] }>("/api/instruments", values);
      this.truncated.value = instruments.length >= LIST_LIMIT;
      this.trouble.value = instruments.length ? null : "No instruments are captured yet.";
      this.takeInstruments(instruments);
      if (instruments.length > 0) return;
    } catch (error) {
      this.trouble.value = `The list of instruments could not be read: ${(error as Error).message}`;
    }
    if (!this.locked.value) setTimeout(() => void this.loadInstruments(), 2_000);
  }

  private takeInstruments(instruments: Instrument[]): void {
    const arranged = arrange(instruments);
    const same = keysOf(arranged) === keysOf(this.instruments.value);
    this.instruments.value = arranged;
    if (!this.view.key.value) this.view.key.value = firstKey(this.instruments.value);
    this.watch.cursor.value ??= this.view.key.value;
    if (!same) this.subscribeQuotes();
  }

  private subscribeQuotes(): void {
    this.endQuotes();
    this.endQuotes = this.stream.subscribe({
      channel: "quotes",
      keys: this.instruments.value.map((one) => one.key),
      onData: (data) => this.board.applyStream(data as KeyedQuote[]),
      onStart: () => void this.readQuotes(),
    });
  }

  private async readQuotes(): Promise<void> {
    this.board.restart();
    try {
      const answer = await this.api.get<QuotesAnswer>("/api/quotes");
      this.clock.anchor(answer.as_of);
      this.board.applySnapshot(answer.quotes);
    } catch {
      // the stream tells each quote when it next changes
    }
  }

  private hearHealth(health: Health): void {
    this.health.value = health;
    this.rates.value = [...this.rates.value, health.ticks_per_second].slice(-RATES_KEPT);
  }
}

function keysOf(instruments: readonly Instrument[]): string {
  return instruments.map((one) => one.key).join();
}

function streamUrl(): string {
  const url = new URL("/api/stream", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  return url.href;
}

function firstKey(instruments: readonly Instrument[]): string | null {
  const usual = ["NSE:NIFTY 50", "NSE:RELIANCE", "NSE:INFY"];
  const found = usual.find((key) => instruments.some((one) => one.key === key));
  return found ?? instruments[0]?.key ?? null;
}
