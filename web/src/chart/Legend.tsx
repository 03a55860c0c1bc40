import type { ReadonlySignal } from "@preact/signals";
import type { Desk } from "../desk";
import { decimalsOf, percent, price, short } from "../format/number";
import { startOf } from "../format/time";
import { tone } from "../watch/Row";
import { lastOf } from "../quotes/last";
import { withLast } from "./bars";
import type { Candles } from "./candles";
import { spanOf } from "./intervals";
import { marksOf } from "./marks";

interface Props {
  desk: Desk;
  candles: ReadonlySignal<Candles | null>;
  hovered: ReadonlySignal<number | null>;
  drawn: ReadonlySignal<number>;
}

/** The numbers of the bar under the crosshair, or of the newest. */
export function Legend({ desk, candles, hovered, drawn }: Props) {
  drawn.value;
  // the bars of the instrument before are there for a moment longer
  const own = candles.value?.key === desk.view.key.value;
  const bars = own ? candles.value?.bars : undefined;
  const ms = hovered.value;
  const at = bars && ms !== null ? bars.place(ms) : (bars?.list.length ?? 0) - 1;
  const told = bars?.list[at];
  if (!bars || !told) return null;
  const { key, interval } = candles.value as Candles;
  const last = told === bars.last ? lastOf(desk.board.entry(key).value?.quote) : null;
  const bar = withLast(told, last, spanOf(interval));
  const decimals = decimalsOf(desk.open.value?.tick_size ?? 0.05);
  const before = bars.list[at - 1]?.close ?? bar.open;
  const change = before === 0 ? null : ((bar.close - before) / before) * 100;
  const when = startOf(bar.ms, desk.clock.now(), spanOf(interval) < 86_400);
  return (
    <div class="legend" data-start={bar.start_ts}>
      <span class="when">{when}</span>
      {bar.status === "forming" && (
        <span class="marks" title="Not over yet: its last price is the newest one.">
          forming
        </span>
      )}
      <Value name="O" text={price(bar.open, decimals)} />
      <Value name="H" text={price(bar.high, decimals)} />
      <Value name="L" text={price(bar.low, decimals)} />
      <Value name="C" kind="close" text={price(bar.close, decimals)} />
      <span class={`number change ${tone(change)}`}>{percent(change)}</span>
      {bar.volume !== null && <Value name="V" kind="amount" text={short(bar.volume)} />}
      {bar.oi !== null && <Value name="OI" kind="amount oi" text={short(bar.oi)} />}
      {marksOf(bar, interval).map(({ word, means }) => (
        <span key={word} class="marks" title={means}>
          {word}
        </span>
      ))}
    </div>
  );
}

function Value({ name, text, kind = "" }: { name: string; text: string; kind?: string }) {
  return (
    <span class={kind}>
      <abbr>{name}</abbr> <b class="number">{text}</b>
    </span>
  );
}
