import { decimalsOf, direction, percent, price, short, whole } from "../format/number";
import { shortAge } from "../format/time";
import type { Desk } from "../desk";
import type { Instrument } from "../wire/wire";
import { titleOf } from "./universe";

export const ROW_HEIGHT = 24;

export function rowId(key: string): string {
  return `row-${key.replace(/[^A-Za-z0-9]/g, "_")}`;
}

/** Exchanges that go without saying; a share of another one may have a namesake here. */
const USUAL = new Set(["NSE", "NFO"]);

const TONES = { [-1]: "down", 0: "", 1: "up" } as const;

export function tone(value: number | null | undefined): string {
  return TONES[direction(value)];
}

interface Props {
  desk: Desk;
  instrument: Instrument;
  index: number;
  chosen: boolean;
  open: boolean;
}

/** One instrument; drawn again when its own quote changes, or to let its age be seen. */
export function Row({ desk, instrument, index, chosen, open }: Props) {
  desk.quarter.value;
  const entry = desk.board.entry(instrument.key).value;
  const quote = entry?.quote;
  const stale = entry ? desk.stale(entry.receivedMs, instrument) : false;
  const age = entry && stale ? desk.age(entry.receivedMs) : null;
  const flash = entry && entry.moves > 0 && !stale ? flashOf(entry.direction, entry.moves) : "";
  const { main, expiry } = titleOf(instrument);
  const place = USUAL.has(instrument.exchange) ? "" : instrument.exchange;
  const states = `row${chosen ? " cursor" : ""}${open ? " open" : ""}${stale ? " stale" : ""}`;
  return (
    <div
      class={states}
      id={rowId(instrument.key)}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={open}
      data-key={instrument.key}
      style={{ transform: `translateY(${index * ROW_HEIGHT}px)` }}
      title={expiry ? instrument.tradingsymbol : instrument.name || instrument.tradingsymbol}
    >
      <span role="gridcell" class="symbol">
        {main}
        {expiry && <small>{expiry}</small>}
        {place && <small>{place}</small>}
      </span>
      <span role="gridcell" class={`number last ${flash}`}>
        {price(quote?.last_price, decimalsOf(instrument.tick_size))}
      </span>
      <span role="gridcell" class={`number ${tone(quote?.change_percent)}`}>
        {percent(quote?.change_percent)}
      </span>
      <span role="gridcell" class="number volume">
        <Volume value={quote?.volume_traded ?? null} />
      </span>
      <span role="gridcell" class="number age">{age === null ? "" : shortAge(age)}</span>
    </div>
  );
}

/** Every digit where there is room, lakhs and crores where there is not; the style sheet knows. */
function Volume({ value }: { value: number | null }) {
  if (value === null) return null;
  return (
    <>
      <span class="full">{whole(value)}</span>
      <span class="brief">{short(value)}</span>
    </>
  );
}

/** Two names for one animation: the same name set again would not start it again. */
function flashOf(way: -1 | 0 | 1, moves: number): string {
  return `flash-${way < 0 ? "down" : "up"}-${moves % 2 ? "odd" : "even"}`;
}
