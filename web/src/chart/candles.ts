import { signal } from "@preact/signals";
import { isoOf, parseTime } from "../format/time";
import type { Stream } from "../stream/stream";
import type { Api } from "../wire/api";
import type { CandlesAnswer, KeyedCandle } from "../wire/wire";
import { type Away } from "./bands";
import { type Bar, Bars, type Change, barOf, barsOf } from "./bars";
import { type Interval, spanOf } from "./intervals";

/** Bars of a first look, and of each step into the past. */
const FIRST_BARS = 400;
const OLDER_BARS = 800;
/** Of a step to a time that was looked at in another interval, and the most such steps. */
const SEEK_BARS = 4_000;
const SEEK_STEPS = 8;

/** How often bars of a week or a month are read anew; their price follows the quotes meanwhile. */
const LONG_EVERY_MS = 15_000;

/** Past days may have to come from the broker: not asked for what is only passed on the way. */
const LINGER_MS = 250;

export type CandlesState =
  | { name: "loading" }
  | { name: "ready" }
  | { name: "empty" }
  | { name: "failed"; reason: string };

export interface Drawing {
  /** Many bars are new. ``fresh`` when they belong to a chart that was not there before. */
  onBars: (fresh: boolean) => void;
  onBar: (bar: Bar, change: Change) => void;
  /** The time that was sought is among the bars, or as near as they come to it. */
  onSought: (ms: number) => void;
}

/** The candles of one instrument and interval: past ones on demand, the newest as they grow. */
export class Candles {
  readonly state = signal<CandlesState>({ name: "loading" });
  readonly older = signal<"more" | "loading" | "none">("more");
  readonly bars = new Bars();
  away: Away[] = [];
  private told: Bar[] | null = [];
  /** Whether the chart was looked at long enough to ask for days that may be far away. */
  private lingered = false;
  private readonly abort = new AbortController();
  private end: () => void = () => {};

  constructor(
    private readonly api: Api,
    private readonly stream: Stream,
    readonly key: string,
    readonly interval: Interval,
    private readonly drawing: Drawing,
    /** A time that was looked at and shall be there again, or null. */
    private readonly sought: number | null = null,
  ) {}

  start(): void {
    if (spanOf(this.interval) > 86_400) {
      // they begin in days that may be the broker's, for which the stream would make all else wait
      const reading = setInterval(() => void this.refresh(), LONG_EVERY_MS);
      this.end = () => clearInterval(reading);
      void this.refresh();
      return;
    }
    this.end = this.stream.subscribe({
      channel: "candles",
      keys: [this.key],
      interval: this.interval,
      onStart: () => void this.refresh(),
      onData: (data) => this.hear(data as KeyedCandle[]),
      onError: (reason) => {
        this.state.value = { name: "failed", reason };
      },
    });
    // without a socket the past can be shown all the same; one that opens starts it anyway
    if (this.stream.state.peek() === "lost") void this.refresh();
  }

  stop(): void {
    this.abort.abort();
    this.end();
  }

  /**
   * Read the newest bars anew; what the stream tells meanwhile is laid on top.
   *
   * Today's come at once, from what firki holds itself; those before them follow.
   */
  async refresh(): Promise<void> {
    const told: Bar[] = [];
    this.told = told;
    const first = this.bars.first?.ms;
    try {
      let answer = await this.read({});
      if (this.told !== told) return; // a later refresh has taken over
      if (barsOf(answer.candles).length === 0) {
        // a day without a candle yet: the newest ones are of days before
        if (!(await this.lingers()) || this.told !== told) return;
        answer = await this.read({ count: FIRST_BARS });
        if (this.told !== told) return;
      }
      this.bars.refresh(barsOf(answer.candles), told);
      this.told = null;
      this.keepGaps(answer, true);
      const fresh = first === undefined || this.bars.first?.ms !== first;
      if (fresh) this.older.value = "more";
      this.state.value = { name: this.bars.list.length > 0 ? "ready" : "empty" };
      this.drawing.onBars(fresh);
      if (fresh && (await this.lingers())) {
        await this.loadOlder(FIRST_BARS);
        await this.seek();
      }
    } catch (error) {
      if (this.abort.signal.aborted || this.told !== told) return;
      this.told = null;
      this.state.value = { name: "failed", reason: String((error as Error).message) };
    }
  }

  /** Fetch the bars before the first one at hand, once at a time, until there are none. */
  async loadOlder(count = OLDER_BARS): Promise<void> {
    const first = this.bars.first;
    if (!first || !this.lingered || this.older.value !== "more" || this.told !== null) return;
    this.older.value = "loading";
    try {
      const answer = await this.read({ to: isoOf(first.ms - 1000), count });
      const added = this.bars.prepend(barsOf(answer.candles));
      this.keepGaps(answer, false);
      this.older.value = added > 0 ? "more" : "none";
      if (added > 0) this.drawing.onBars(false);
    } catch {
      // scrolling on asks again
      if (!this.abort.signal.aborted) this.older.value = "more";
    }
  }

  private async seek(): Promise<void> {
    const { sought } = this;
    if (sought === null) return;
    for (let step = 0; step < SEEK_STEPS && this.older.value === "more"; step += 1) {
      if ((this.bars.first?.ms ?? sought) <= sought) break;
      await this.loadOlder(SEEK_BARS);
    }
    if (!this.abort.signal.aborted) this.drawing.onSought(sought);
  }

  /** Whether the chart is still looked at after a moment. */
  private async lingers(): Promise<boolean> {
    if (!this.lingered) await new Promise((done) => setTimeout(done, LINGER_MS));
    this.lingered = !this.abort.signal.aborted;
    return this.lingered;
  }

  private read(values: { to?: string; count?: number }): Promise<CandlesAnswer> {
    const path = `/api/candles/${encodeURIComponent(this.key)}`;
    return this.api.get(path, { interval: this.interval, ...values }, this.abort.signal);
  }

  private keepGaps(answer: CandlesAnswer, anew: boolean): void {
    const away = (answer.gaps ?? []).flatMap((gap) => {
      const fromMs = parseTime(gap.from);
      const toMs = parseTime(gap.to);
      return fromMs === null || toMs === null ? [] : [{ fromMs, toMs }];
    });
    this.away = anew ? away : [...away, ...this.away];
  }

  private hear(candles: KeyedCandle[]): void {
    for (const candle of candles) {
      if (candle.key !== this.key) continue;
      const bar = barOf(candle);
      if (!bar) continue;
      if (this.told) this.told.push(bar);
      else this.draw(bar);
    }
  }

  private draw(bar: Bar): void {
    const change = this.bars.apply(bar);
    if (this.state.value.name !== "ready") this.state.value = { name: "ready" };
    if (change === "all") this.drawing.onBars(false);
    else this.drawing.onBar(bar, change);
  }
}
