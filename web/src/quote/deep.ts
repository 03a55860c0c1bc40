import { signal } from "@preact/signals";
import type { Board } from "../quotes/board";
import type { Stream } from "../stream/stream";
import type { Api } from "../wire/api";
import type { Depth, KeyedQuote, Quote, QuotesAnswer } from "../wire/wire";

/** One instrument's order book, from a subscription of its own; its prices go to the board. */
export class DeepQuote {
  readonly depth = signal<Depth | null>(null);
  private readonly abort = new AbortController();
  private end: () => void = () => {};
  private told = false;

  constructor(
    private readonly api: Api,
    private readonly stream: Stream,
    private readonly board: Board,
    readonly key: string,
  ) {}

  start(): void {
    this.end = this.stream.subscribe({
      channel: "quotes",
      keys: [this.key],
      depth: true,
      onStart: () => void this.read(),
      onData: (data) => {
        const quotes = (data as KeyedQuote[]).filter((one) => one.key === this.key);
        this.told ||= quotes.length > 0;
        this.board.applyStream(quotes);
        this.take(quotes.at(-1));
      },
    });
    if (this.stream.state.peek() === "lost") void this.read();
  }

  stop(): void {
    this.abort.abort();
    this.end();
  }

  private take(quote: Quote | undefined): void {
    if (quote) this.depth.value = quote.depth ?? null;
  }

  private async read(): Promise<void> {
    this.told = false;
    try {
      const values = { keys: [this.key], depth: true };
      const answer = await this.api.get<QuotesAnswer>("/api/quotes", values, this.abort.signal);
      this.board.applySnapshot(answer.quotes);
      if (!this.told) this.take(answer.quotes[this.key]);
    } catch {
      // the stream tells it when it next changes
    }
  }
}
