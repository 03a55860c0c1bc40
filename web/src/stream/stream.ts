import { batch, signal } from "@preact/signals";
import type { StreamMessage } from "../wire/wire";
import { Sequence, retryDelay } from "./sequence";

/** The server says something each second (health); a socket silent for so long is dead. */
const SILENCE_MS = 5_000;

export interface Wish {
  channel: "quotes" | "candles" | "health";
  keys?: string[];
  interval?: string;
  depth?: boolean;
  onData: (data: unknown, asOf: string | undefined) => void;
  /** Messages may have been missed, or none came yet: read the present state anew. */
  onStart?: () => void;
  onError?: (text: string) => void;
}

interface Subscription {
  id: string;
  wish: Wish;
  sequence: Sequence;
}

export type StreamState = "connecting" | "open" | "lost";

/** One websocket that keeps itself up and takes every subscription along to the next one. */
export class Stream {
  readonly state = signal<StreamState>("connecting");
  /** Steady milliseconds at which the connection was lost; null while it stands. */
  readonly lostAt = signal<number | null>(null);
  readonly attempts = signal(0);
  private socket: WebSocket | null = null;
  private readonly subscriptions = new Map<string, Subscription>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private heardAt = 0;
  private serial = 0;
  private ended = false;

  constructor(
    private readonly url: string,
    private readonly hooks: { onAsOf: (asOf: string) => void; onRefused: () => void },
  ) {}

  start(): void {
    this.connect();
    setInterval(() => this.watch(), 1_000);
    addEventListener("online", () => this.retryNow());
  }

  /** The answer ends the subscription. */
  subscribe(wish: Wish): () => void {
    this.open(wish);
    return () => {
      // a jump or a new socket gave the wish a new subscription since: look it up
      const subscription = this.find(wish);
      if (!subscription) return;
      this.subscriptions.delete(subscription.id);
      this.send({ op: "unsubscribe", id: subscription.id });
    };
  }

  /** For good: nobody may listen here any more. */
  stop(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.drop();
  }

  retryNow(): void {
    if (this.ended || this.state.value === "open") return;
    clearTimeout(this.timer);
    this.connect();
  }

  /** Subscribe anew to all: what was told so far no longer holds. */
  restart(): void {
    for (const subscription of [...this.subscriptions.values()]) this.again(subscription);
  }

  private find(wish: Wish): Subscription | undefined {
    for (const one of this.subscriptions.values()) if (one.wish === wish) return one;
    return undefined;
  }

  private open(wish: Wish): void {
    this.serial += 1;
    const subscription = {
      id: `${wish.channel}-${this.serial}`,
      wish,
      sequence: new Sequence(),
    };
    this.subscriptions.set(subscription.id, subscription);
    if (this.socket?.readyState === WebSocket.OPEN) this.announce(subscription);
  }

  private announce({ id, wish }: Subscription): void {
    const { channel, keys, interval, depth } = wish;
    this.send({ op: "subscribe", id, channel, keys, interval, depth });
    wish.onStart?.();
  }

  private send(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private connect(): void {
    this.drop();
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.heardAt = performance.now();
    socket.onopen = () => this.onOpen();
    socket.onmessage = (event) => this.onMessage(String(event.data));
    socket.onclose = () => {
      if (this.socket === socket) this.onLost();
    };
  }

  private drop(): void {
    const old = this.socket;
    this.socket = null;
    old?.close();
  }

  private onOpen(): void {
    this.heardAt = performance.now();
    const wishes = [...this.subscriptions.values()].map((one) => one.wish);
    this.subscriptions.clear();
    for (const wish of wishes) this.open(wish);
  }

  /** A socket counts as standing once it has said something: one that only opens tells nothing. */
  private onHeard(): void {
    this.heardAt = performance.now();
    if (this.state.peek() === "open") return;
    batch(() => {
      this.state.value = "open";
      this.lostAt.value = null;
      this.attempts.value = 0;
    });
  }

  private onLost(): void {
    if (this.ended) return;
    this.drop();
    const attempt = this.attempts.value;
    batch(() => {
      this.state.value = "lost";
      this.lostAt.value ??= performance.now();
      this.attempts.value = attempt + 1;
    });
    this.hooks.onRefused();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), retryDelay(attempt, Math.random()));
  }

  private watch(): void {
    if (this.socket && performance.now() - this.heardAt > SILENCE_MS) this.onLost();
  }

  private onMessage(text: string): void {
    this.onHeard();
    const message = JSON.parse(text) as StreamMessage;
    const subscription = this.subscriptions.get(message.id ?? "");
    if (!subscription) return; // the tail of one that was ended
    if (message.error !== undefined) {
      subscription.wish.onError?.(message.error);
      return;
    }
    if (message.seq !== undefined && !subscription.sequence.accept(message.seq)) {
      this.again(subscription);
      return;
    }
    if (message.as_of) this.hooks.onAsOf(message.as_of);
    batch(() => subscription.wish.onData(message.data, message.as_of));
  }

  private again(subscription: Subscription): void {
    this.subscriptions.delete(subscription.id);
    this.send({ op: "unsubscribe", id: subscription.id });
    this.open(subscription.wish);
  }
}
