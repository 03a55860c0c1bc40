import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Desk } from "../desk";
import { whole } from "../format/number";
import { ROW_HEIGHT, Row, rowId } from "./Row";
import { Search } from "./Search";
import { type Column, GROUPS } from "./universe";
import { reveal, visible } from "./visible";

const HEAD_HEIGHT = 26;
/** As the style sheet has it. */
const PHONE = "(max-width: 700px)";

const COLUMNS: readonly { column: Column; text: string; full: string }[] = [
  { column: "symbol", text: "Symbol", full: "symbol" },
  { column: "last", text: "Last", full: "last price" },
  { column: "change", text: "Chg %", full: "change in per cent" },
  { column: "volume", text: "Volume", full: "volume" },
];

export function MarketWatch({ desk }: { desk: Desk }) {
  return (
    <section class="watch panel" aria-label="Market watch">
      <Search desk={desk} />
      <Groups desk={desk} />
      <Grid desk={desk} />
    </section>
  );
}

function Groups({ desk }: { desk: Desk }) {
  const { watch } = desk;
  return (
    <div class="groups" role="group" aria-label="Kinds of instrument">
      {GROUPS.map((group) => (
        <button
          type="button"
          key={group}
          aria-pressed={watch.group.value === group}
          onClick={() => watch.choose(group)}
        >
          {group}
        </button>
      ))}
      <output class="count" aria-label="Instruments shown">
        {whole(watch.rows.value.length)}
      </output>
    </div>
  );
}

function Grid({ desk }: { desk: Desk }) {
  const { watch, view } = desk;
  const scroller = useRef<HTMLDivElement>(null);
  const seen = useSignal({ top: 0, height: 600 });
  const rows = watch.rows.value;
  const { first, last } = visible(seen.value, ROW_HEIGHT, rows.length);
  const measure = () => {
    const box = scroller.current;
    if (box) seen.value = { top: box.scrollTop, height: box.clientHeight - HEAD_HEIGHT };
  };
  useEffect(() => {
    const observer = new ResizeObserver(measure);
    if (scroller.current) observer.observe(scroller.current);
    return () => observer.disconnect();
  }, []);
  const cursor = watch.cursor.value;
  useEffect(() => {
    const at = watch.rows.peek().findIndex((one) => one.key === cursor);
    if (at >= 0 && scroller.current) scroller.current.scrollTop = reveal(seen.peek(), ROW_HEIGHT, at);
  }, [cursor, watch.query.value, watch.group.value]);
  const shown = rows.slice(first, last);
  const cursorSeen = shown.some((one) => one.key === cursor);
  return (
    <div
      class="scroller"
      ref={scroller}
      onScroll={measure}
      onClick={(event) => openClicked(desk, event)}
      role="grid"
      tabIndex={0}
      aria-label="Instruments; j and k move, Enter opens the chart"
      aria-rowcount={rows.length + 1}
      aria-activedescendant={cursor && cursorSeen ? rowId(cursor) : undefined}
    >
      <Head desk={desk} />
      <div class="rows" role="rowgroup" style={{ height: `${rows.length * ROW_HEIGHT}px` }}>
        {shown.map((instrument, place) => (
          <Row
            key={instrument.key}
            desk={desk}
            instrument={instrument}
            index={first + place}
            chosen={instrument.key === cursor}
            open={instrument.key === view.key.value}
          />
        ))}
      </div>
      {rows.length === 0 && <Nothing desk={desk} />}
    </div>
  );
}

function openClicked(desk: Desk, event: Event): void {
  const row = (event.target as Element).closest<HTMLElement>("[data-key]");
  const key = row?.dataset["key"];
  if (!key) return;
  desk.watch.cursor.value = key;
  desk.view.key.value = key;
  // on a phone the chart lies below the list
  if (matchMedia(PHONE).matches) document.querySelector(".chart")?.scrollIntoView();
}

function Head({ desk }: { desk: Desk }) {
  const order = desk.watch.order.value;
  return (
    <div class="row head" role="row" aria-rowindex={1}>
      {COLUMNS.map(({ column, text, full }) => {
        const mine = order?.column === column;
        return (
          <span
            key={column}
            role="columnheader"
            class={column === "symbol" ? "symbol" : "number"}
            aria-sort={!mine ? "none" : order.descending ? "descending" : "ascending"}
          >
            <button type="button" aria-label={`Sort by ${full}`} onClick={() => desk.watch.sortBy(column)}>
              {mine && <i aria-hidden="true">{order.descending ? "▾" : "▴"}</i>}
              {text}
            </button>
          </span>
        );
      })}
      <span role="columnheader" class="number" title="Age of a price that is no longer fresh">
        Age
      </span>
    </div>
  );
}

function Nothing({ desk }: { desk: Desk }) {
  const { trouble, watch, instruments } = desk;
  const text =
    instruments.value.length === 0
      ? (trouble.value ?? "Loading instruments…")
      : watch.query.value
        ? `Nothing here fits “${watch.query.value}”.`
        : `No ${watch.group.value.toLowerCase()} are captured.`;
  return <p class="nothing">{text}</p>;
}
