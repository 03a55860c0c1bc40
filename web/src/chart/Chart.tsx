import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Desk } from "../desk";
import { decimalsOf } from "../format/number";
import { lastOf } from "../quotes/last";
import { type Band, bandsOf } from "./bands";
import type { Bar } from "./bars";
import { Candles } from "./candles";
import { onColours } from "./colours";
import { Head } from "./Head";
import { spanOf } from "./intervals";
import { Legend } from "./Legend";
import { Surface } from "./surface";

export function Chart({ desk }: { desk: Desk }) {
  const place = useRef<HTMLDivElement>(null);
  const surface = useRef<Surface | null>(null);
  const candles = useSignal<Candles | null>(null);
  /** What was open, and the time in the middle that another interval shall show too. */
  const shown = useRef<string | null>(null);
  const kept = useRef<number | null>(null);
  const hovered = useSignal<number | null>(null);
  /** Counts drawings, so that the legend follows bars that change in place. */
  const drawn = useSignal(0);

  useEffect(() => {
    if (!place.current) return undefined;
    const made = new Surface(place.current, {
      onCrosshair: (ms) => {
        hovered.value = ms;
      },
      onNearStart: () => {
        if (kept.current === null) void candles.peek()?.loadOlder();
      },
    });
    surface.current = made;
    const end = onColours(() => made.recolour());
    return () => {
      end();
      made.remove();
      surface.current = null;
    };
  }, []);

  const key = desk.open.value?.key ?? null;
  const interval = desk.view.interval.value;
  const tick = desk.open.value?.tick_size ?? 0.05;
  useEffect(() => {
    surface.current?.describe(decimalsOf(tick), tick, spanOf(interval));
  }, [key, interval, tick]);

  useEffect(() => {
    if (!key) return undefined;
    const shaded = new Shading(spanOf(interval));
    if (shown.current !== key) kept.current = null;
    else kept.current = surface.current?.centre() ?? kept.current;
    shown.current = key;
    surface.current?.setBars([], [], false);
    const made = new Candles(desk.api, desk.stream, key, interval, {
      onBars: (fresh) => {
        const { list } = made.bars;
        surface.current?.setBars(list, shaded.of(made), fresh);
        drawn.value += 1;
      },
      onBar: (bar, change) => {
        surface.current?.updateBar(bar, change, shaded.after(bar, made));
        drawn.value += 1;
      },
      onSought: (ms) => {
        kept.current = null;
        surface.current?.centreOn(ms);
      },
    }, kept.current);
    candles.value = made;
    hovered.value = null;
    made.start();
    return () => made.stop();
  }, [key, interval]);

  useSignalEffect(() => {
    const open = desk.view.key.value;
    const entry = open ? desk.board.entry(open).value : null;
    surface.current?.follow(lastOf(entry?.quote));
  });

  return (
    <section class="chart panel" aria-label="Candle chart">
      <Head desk={desk} />
      <div class="canvas">
        <div class="surface" ref={place} role="img" aria-label={`Candles of ${key ?? "nothing yet"}`} />
        <Legend desk={desk} candles={candles} hovered={hovered} drawn={drawn} />
        <Notice candles={candles.value} />
        <Home surface={surface} desk={desk} />
        <a
          class="credit"
          href="https://www.tradingview.com/"
          target="_blank"
          rel="noopener noreferrer"
          title="Lightweight Charts™, © 2026 TradingView, Inc."
        >
          Charts by TradingView
        </a>
      </div>
    </section>
  );
}

/** Bands are worked out anew only when a bar came or its marks changed, not with every price. */
class Shading {
  private count = 0;
  private marks = "";

  constructor(private readonly seconds: number) {}

  of(candles: Candles): Band[] {
    this.count = candles.bars.list.length;
    this.marks = marksOf(candles.bars.last);
    return bandsOf(candles.bars.list, candles.away, this.seconds);
  }

  after(bar: Bar, candles: Candles): Band[] | null {
    const { list, last } = candles.bars;
    if (bar === last && list.length === this.count && marksOf(bar) === this.marks) return null;
    return this.of(candles);
  }
}

function marksOf(bar: Bar | undefined): string {
  return bar ? `${bar.session} ${bar.flags.join()}` : "";
}

function Notice({ candles }: { candles: Candles | null }) {
  const state = candles?.state.value;
  if (!candles || !state) return null;
  if (state.name === "ready") {
    return candles.older.value === "loading" ? <p class="notice older">Loading earlier candles…</p> : null;
  }
  return (
    <div class="notice" role="status">
      {state.name === "loading" && <p>Loading candles…</p>}
      {state.name === "empty" && <p>No candles of {candles.key} yet. The first trade starts one.</p>}
      {state.name === "failed" && (
        <>
          <p>The candles could not be read: {state.reason}</p>
          <button type="button" onClick={() => void candles.refresh()}>
            Try again
          </button>
        </>
      )}
    </div>
  );
}

interface HomeProps {
  desk: Desk;
  surface: { current: Surface | null };
}

function Home({ desk, surface }: HomeProps) {
  useSignalEffect(() => {
    if (desk.view.home.value > 0) surface.current?.home();
  });
  return (
    <button
      type="button"
      class="home"
      aria-label="Back to the newest candle"
      title="Back to the newest candle (0)"
      onClick={() => surface.current?.home()}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d="M2 8h9M7.5 4 11.5 8l-4 4M14 3v10" />
      </svg>
    </button>
  );
}
