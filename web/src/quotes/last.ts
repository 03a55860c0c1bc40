import { parseTime } from "../format/time";
import type { Quote } from "../wire/wire";

/** The last price and when it was made, in milliseconds since the epoch. */
export interface Last {
  price: number;
  ms: number | null;
}

export function lastOf(quote: Quote | null | undefined): Last | null {
  if (!quote) return null;
  // an index has no trades: its value is of the exchange's own time
  return { price: quote.last_price, ms: parseTime(quote.last_trade_time ?? quote.exchange_time) };
}
