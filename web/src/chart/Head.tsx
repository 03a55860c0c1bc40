import type { Desk } from "../desk";
import { decimalsOf, percent, price, signed } from "../format/number";
import { tone } from "../watch/Row";
import { titleOf } from "../watch/universe";
import type { Instrument } from "../wire/wire";
import { offered, shortName } from "./intervals";

/** What is open, where it stands, and the choice of interval. */
export function Head({ desk }: { desk: Desk }) {
  const chosen = desk.view.interval.value;
  return (
    <header class="chart-head">
      <Title desk={desk} />
      <div class="intervals" role="group" aria-label="Interval">
        {offered(desk.health.value?.intervals, chosen).map((interval, place) => (
          <button
            type="button"
            key={interval}
            aria-pressed={chosen === interval}
            title={keyOf(interval, place)}
            onClick={() => {
              desk.view.interval.value = interval;
            }}
          >
            {shortName(interval)}
          </button>
        ))}
      </div>
    </header>
  );
}

/** The company; of a contract what its symbol hides. */
function Name({ instrument }: { instrument: Instrument }) {
  const { main, expiry } = titleOf(instrument);
  const text = expiry ? `${main}, ${expiry}` : instrument.name;
  return text === instrument.tradingsymbol ? null : <span class="name">{text}</span>;
}

function keyOf(interval: string, place: number): string | undefined {
  if (interval === "day") return "A bar a day (key d)";
  return place < 9 ? `Key ${place + 1}` : undefined;
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
      {instrument && <Name instrument={instrument} />}
    </div>
  );
}
