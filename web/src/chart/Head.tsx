import type { Desk } from "../desk";
import { decimalsOf, percent, price, signed } from "../format/number";
import { tone } from "../watch/Row";
import { INTERVALS } from "./intervals";

/** What is open, where it stands, and the choice of interval. */
export function Head({ desk }: { desk: Desk }) {
  return (
    <header class="chart-head">
      <Title desk={desk} />
      <div class="intervals" role="group" aria-label="Interval">
        {INTERVALS.map((interval, place) => (
          <button
            type="button"
            key={interval}
            aria-pressed={desk.view.interval.value === interval}
            title={`Key ${place + 1}`}
            onClick={() => {
              desk.view.interval.value = interval;
            }}
          >
            {interval === "day" ? "D" : interval}
          </button>
        ))}
      </div>
    </header>
  );
}

function Title({ desk }: { desk: Desk }) {
  desk.quarter.value;
  const key = desk.view.key.value;
  const instrument = desk.open.value;
  const entry = key ? desk.board.entry(key).value : null;
  const stale = entry ? desk.stale(entry.receivedMs, instrument) : false;
  const decimals = decimalsOf(instrument?.tick_size ?? 0.05);
  const quote = entry?.quote;
  return (
    <div class={`title${stale ? " stale" : ""}`}>
      <h1>{instrument?.tradingsymbol ?? key?.split(":").slice(1).join(":") ?? "firki"}</h1>
      <span class="exchange">{instrument?.exchange ?? key?.split(":")[0]}</span>
      <strong class="number">{price(quote?.last_price, decimals)}</strong>
      {quote?.change != null && (
        <span class={`number ${tone(quote.change_percent)}`}>
          {signed(quote.change, decimals)} ({percent(quote.change_percent)})
        </span>
      )}
      {instrument && instrument.name !== instrument.tradingsymbol && (
        <span class="name">{instrument.name}</span>
      )}
    </div>
  );
}
