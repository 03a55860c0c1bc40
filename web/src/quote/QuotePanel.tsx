import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Desk } from "../desk";
import { decimalsOf, percent, price, short, signed, whole } from "../format/number";
import { nearOf, parseTime, tenths } from "../format/time";
import { tone } from "../watch/Row";
import type { Depth, Instrument, Quote } from "../wire/wire";
import { DeepQuote } from "./deep";
import { DepthTable } from "./DepthTable";

export function QuotePanel({ desk }: { desk: Desk }) {
  const deep = useSignal<DeepQuote | null>(null);
  const key = desk.open.value?.key ?? null;
  useEffect(() => {
    if (!key) return undefined;
    const made = new DeepQuote(desk.api, desk.stream, desk.board, key);
    deep.value = made;
    made.start();
    return () => made.stop();
  }, [key]);
  desk.quarter.value;
  const entry = key ? desk.board.entry(key).value : null;
  const depth = deep.value?.key === key ? (deep.value?.depth.value ?? null) : null;
  const stale = entry ? desk.stale(entry.receivedMs, desk.open.value) : false;
  return (
    <section class={`quote panel${stale ? " stale" : ""}`} aria-label="Quote">
      <h2>
        Quote <span class="of">{desk.open.value?.tradingsymbol ?? key}</span>
        {entry && <Age desk={desk} receivedMs={entry.receivedMs} stale={stale} />}
      </h2>
      {entry ? <Body desk={desk} quote={entry.quote} depth={depth} /> : <p class="nothing">No quote yet.</p>}
    </section>
  );
}

function Age({ desk, receivedMs, stale }: { desk: Desk; receivedMs: number | null; stale: boolean }) {
  desk.tenth.value;
  const age = desk.age(receivedMs);
  if (age === null) return null;
  return <span class={`age number${stale ? " old" : ""}`}>{tenths(age)} old</span>;
}

function Body({ desk, quote, depth }: { desk: Desk; quote: Quote; depth: Depth | null }) {
  const instrument = desk.open.value;
  const decimals = decimalsOf(instrument?.tick_size ?? 0.05);
  const rupees = (value: number | null) => price(value, decimals);
  const now = desk.clock.now();
  return (
    <>
      <div class="headline">
        <strong class="number">{rupees(quote.last_price)}</strong>
        <span class={`number ${tone(quote.change_percent)}`}>
          {signed(quote.change, decimals)} {percent(quote.change_percent)}
        </span>
      </div>
      <Range quote={quote} decimals={decimals} />
      <dl class="pairs">
        <Pair name="Open">{rupees(quote.open)}</Pair>
        <Pair name="Prev" title="Previous close">{rupees(quote.close)}</Pair>
        <Pair name="High">{rupees(quote.high)}</Pair>
        <Pair name="Low">{rupees(quote.low)}</Pair>
        {quote.volume_traded !== null && (
          <>
            <Pair name="Volume">{whole(quote.volume_traded)}</Pair>
            <Pair name="VWAP">{rupees(quote.average_price)}</Pair>
            <Pair name="Last qty">{whole(quote.last_quantity)}</Pair>
          </>
        )}
        {hasOi(instrument, quote) && (
          <>
            <Pair name="OI">{whole(quote.oi)}</Pair>
            <Pair name="OI high">{short(quote.oi_day_high)}</Pair>
            <Pair name="OI low">{short(quote.oi_day_low)}</Pair>
          </>
        )}
        {quote.last_trade_time !== null && (
          <Pair name="Last trade" wide>
            {nearOf(parseTime(quote.last_trade_time), now)}
          </Pair>
        )}
        <Pair name="Exchange time" wide>{nearOf(parseTime(quote.exchange_time), now)}</Pair>
      </dl>
      {depth && <DepthTable quote={quote} depth={depth} decimals={decimals} />}
    </>
  );
}

function hasOi(instrument: Instrument | null, quote: Quote): boolean {
  return quote.oi !== null && (quote.oi > 0 || instrument?.segment.includes("-") === true);
}

interface PairProps {
  name: string;
  children: ComponentChildren;
  title?: string;
  wide?: boolean;
}

function Pair({ name, children, title, wide = false }: PairProps) {
  return (
    <div class={wide ? "wide" : ""} title={title}>
      <dt>{name}</dt>
      <dd class="number">{children}</dd>
    </div>
  );
}

/** Where the last price lies between the day's low and high. */
function Range({ quote, decimals }: { quote: Quote; decimals: number }) {
  const { low, high, last_price: last } = quote;
  if (low === null || high === null || high <= low) return null;
  const share = Math.min(1, Math.max(0, (last - low) / (high - low)));
  return (
    <div class="range" role="img" aria-label={`Last price at ${Math.round(share * 100)} per cent of the day's range`}>
      <span class="number">{price(low, decimals)}</span>
      <span class="rail">
        <i style={{ left: `${share * 100}%` }} />
      </span>
      <span class="number">{price(high, decimals)}</span>
    </div>
  );
}
