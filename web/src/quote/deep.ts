import { signal } from "@preact/signals";
import { type Entry, follow } from "../quotes/board";
import type { Stream } from "../stream/stream";
import type { Api } from "../wire/api";
import type { KeyedQuote, QuotesAnswer } from "../wire/wire";

/** One instrument's quote with its order book, from a subscription of its own. */
export class DeepQuote {
  readonly entry = signal<Entry | null>(null);
  private readonly abort = new AbortController();
  private end: () => void = () => {};
  private told = false;

  constructor(
    private readonly api: Api,
    private readonly stream: Stream,
    readonly key: string,
  ) {}

  start(): void {
    this.end = this.stream.subscribe({
      channel: "quotes",
      keys: [this.key],
      depth: true,
      onStart: () => void this.read(),
      onData: (data) => {
        const quote = (data as KeyedQuote[]).filter((one) => one.key === this.key).at(-1);
        if (!quote) return;
        this.told = true;
        this.entry.value = follow(this.entry.value, quote);
      },
    });
    if (this.stream.state.peek() === "lost") void this.read();
  }

  stop(): void {
    this.abort.abort();
    this.end();
  }

  private async read(): Promise<void> {
    this.told = false;
    try {
      const values = { keys: [this.key], depth: true };
      const answer = await this.api.get<QuotesAnswer>("/api/quotes", values, this.abort.signal);
      const quote = answer.quotes[this.key];
      if (quote && !this.told) this.entry.value = follow(this.entry.value, quote);
    } catch {
      // the stream tells it when it next changes
    }
  }
}
