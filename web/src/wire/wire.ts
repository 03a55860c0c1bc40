/** What the server sends, as it sends it. Prices are rupees, times ISO text with +05:30. */

export interface Instrument {
  instrument_token: number;
  key: string;
  tradingsymbol: string;
  name: string;
  exchange: string;
  segment: string;
  instrument_type: string;
  expiry: string | null;
  strike: number | null;
  tick_size: number;
  lot_size: number;
  session_class: string;
}

export interface Level {
  price: number;
  quantity: number;
  orders: number;
}

export interface Depth {
  buy: Level[];
  sell: Level[];
}

/** A field is null where the feed gave none (an index has no volume, ltp mode no times). */
export interface Quote {
  instrument_token: number;
  last_price: number;
  last_quantity: number | null;
  average_price: number | null;
  volume_traded: number | null;
  buy_quantity: number | null;
  sell_quantity: number | null;
  open: number | null;
  high: number | null;
  low: number | null;
  /** The previous trading day's close while the market is open. */
  close: number | null;
  change: number | null;
  change_percent: number | null;
  last_trade_time: string | null;
  exchange_time: string | null;
  received_time: string | null;
  oi: number | null;
  oi_day_high: number | null;
  oi_day_low: number | null;
  age_seconds: number | null;
  connection: number;
  depth?: Depth | null;
}

export interface KeyedQuote extends Quote {
  key: string;
}

export interface QuotesAnswer {
  as_of: string;
  quotes: Record<string, Quote>;
}

/** Prices are null where a bar has none, which a price of the market never is. */
export interface Candle {
  start_ts: string;
  open: number | null;
  high: number | null;
  low: number | null;
  close: number | null;
  volume: number | null;
  oi: number | null;
  tick_count: number;
  status: "forming" | "final" | "settled";
  revision: number;
  session: "pre_open" | "continuous" | "closing_auction";
  flags: string[];
}

export interface KeyedCandle extends Candle {
  key: string;
  interval: string;
}

export interface Gap {
  from: string;
  to: string;
}

export interface CandlesAnswer {
  key: string;
  interval: string;
  as_of: string;
  source: string;
  candles: Candle[];
  gaps?: Gap[];
}

export interface Connection {
  account: string;
  connection: number;
  tokens: number;
  mode: string;
  state: string;
  age_seconds: number | null;
  replaced: number;
}

export interface Health {
  status: string;
  as_of: string;
  market: { phase: string | null; trading_date: string | null };
  /** What the exchange does now, by session class. */
  phases?: Record<string, string>;
  journal: { newest: number; acknowledged: number; backlog_bytes: number };
  connections: Connection[];
  ticks_per_second: number;
  /** Since the broker last said anything, a heartbeat included. */
  data_age_seconds: number | null;
  /** From the exchange's stamp to the arrival here. */
  exchange_lag_seconds?: number | null;
  /** Minute bars the feed was away for, and over how many instruments they lie. */
  gaps: { minutes: number; instruments: number };
  /** Which candles the page offers. */
  intervals?: string[];
  instrument_count: number;
  instruments_with_ticks: number;
  ticks_processed: number;
  candles_created: number;
  candles_completed: number;
  amendments: number;
  refused: Record<string, number>;
  /** Sentences about what somebody should look at. */
  notes?: string[];
  last_tick_time: string | null;
  start_time: string;
  uptime_seconds: number;
  memory_mb: number;
}

/** Market time; ``driven`` when it can be paused and made faster from here. */
export type Source = "live" | "simulated" | "tape" | "replay";

export interface ClockState {
  now: string;
  speed: number;
  running: boolean;
  driven: boolean;
  /** Where the prices come from. */
  source: Source;
}

export type ClockOrder = { speed: number } | { pause: true } | { run: true };

export interface StreamMessage {
  id?: string;
  seq?: number;
  as_of?: string;
  data?: unknown;
  error?: string;
}
