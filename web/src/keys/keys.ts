import { offered } from "../chart/intervals";
import type { Desk } from "../desk";
import { SEARCH_ID } from "../watch/Search";

export interface Binding {
  keys: readonly string[];
  shown: string;
  does: string;
}

/** What the help shows; the table below it acts. */
export const BINDINGS: readonly Binding[] = [
  { keys: ["j", "ArrowDown"], shown: "j ↓", does: "next instrument" },
  { keys: ["k", "ArrowUp"], shown: "k ↑", does: "previous instrument" },
  { keys: ["PageDown", "PageUp"], shown: "PgDn PgUp", does: "a page down, up" },
  { keys: ["Home", "End"], shown: "Home End", does: "first, last instrument" },
  { keys: ["Enter"], shown: "Enter", does: "open its chart" },
  { keys: ["/"], shown: "/", does: "search; Enter opens what the cursor is on, Esc leaves" },
  { keys: ["f"], shown: "f", does: "next kind: indices, shares, futures, options" },
  { keys: ["1", "9"], shown: "1 … 9", does: "one of the first nine intervals" },
  { keys: ["d"], shown: "d", does: "a bar a day" },
  { keys: ["0"], shown: "0", does: "back to the newest candle" },
  { keys: [" "], shown: "Space", does: "pause or run the market clock, where it can be" },
  { keys: ["?"], shown: "?", does: "this help" },
];

const PAGE_ROWS = 20;

/** One handler for the whole page; the answer takes it away again. */
export function listen(desk: Desk): () => void {
  const handler = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (desk.view.help.value && event.key !== "?") return; // the dialog has the keys
    const act = inSearch(event) ? searchAction(desk, event.key) : action(desk, event);
    if (!act) return;
    event.preventDefault();
    act();
  };
  addEventListener("keydown", handler);
  addEventListener("click", letGo);
  return () => {
    removeEventListener("keydown", handler);
    removeEventListener("click", letGo);
  };
}

/** A button that was clicked keeps the focus, and with it Space and Enter; keys that reach it may. */
function letGo(event: MouseEvent): void {
  const byPointer = event.detail > 0;
  const focused = document.activeElement;
  if (byPointer && focused instanceof HTMLElement && focused.closest("button, a")) focused.blur();
}

function searchBox(): HTMLInputElement | null {
  return document.getElementById(SEARCH_ID) as HTMLInputElement | null;
}

function inSearch(event: KeyboardEvent): boolean {
  return event.target === searchBox();
}

function openCursor(desk: Desk): void {
  const key = desk.watch.cursor.value;
  if (key) desk.view.key.value = key;
}

function searchAction(desk: Desk, key: string): (() => void) | null {
  const { watch } = desk;
  switch (key) {
    case "ArrowDown":
      return () => watch.move(1);
    case "ArrowUp":
      return () => watch.move(-1);
    case "Enter":
      return () => {
        openCursor(desk);
        watch.query.value = "";
        searchBox()?.blur();
      };
    case "Escape":
      return () => {
        watch.query.value = "";
        searchBox()?.blur();
      };
    default:
      return null;
  }
}

function action(desk: Desk, event: KeyboardEvent): (() => void) | null {
  const { watch, view, clock } = desk;
  const { key } = event;
  const onControl = (event.target as Element).closest?.("button, a, input, select, summary") !== null;
  if (/^[1-9]$/.test(key)) {
    const interval = offered(desk.health.value?.intervals, view.interval.value)[Number(key) - 1];
    return interval ? () => void (view.interval.value = interval) : null;
  }
  switch (key) {
    case "j":
    case "ArrowDown":
      return () => watch.move(1);
    case "k":
    case "ArrowUp":
      return () => watch.move(-1);
    case "PageDown":
      return () => watch.move(PAGE_ROWS);
    case "PageUp":
      return () => watch.move(-PAGE_ROWS);
    case "Home":
      return () => watch.move(-Infinity);
    case "End":
      return () => watch.move(Infinity);
    case "Enter":
      // on a button Enter and Space are the button's own
      return onControl ? null : () => openCursor(desk);
    case "/":
      return () => searchBox()?.select();
    case "Escape":
      return watch.query.value ? () => void (watch.query.value = "") : null;
    case "f":
      return () => watch.nextGroup();
    case "d":
      return () => void (view.interval.value = "day");
    case "0":
      return () => void (view.home.value += 1);
    case " ":
      if (onControl || !clock.driven.value) return null;
      return () => desk.orderClock(clock.running.value ? { pause: true } : { run: true }).catch(() => {});
    case "?":
      return () => void (view.help.value = !view.help.value);
    default:
      return null;
  }
}
