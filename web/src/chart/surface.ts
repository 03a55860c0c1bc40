import {
  type CandlestickData,
  CandlestickSeries,
  CrosshairMode,
  type HistogramData,
  HistogramSeries,
  LineStyle,
  type IChartApi,
  type IPriceLine,
  type ISeriesApi,
  TickMarkType,
  type Time,
  type UTCTimestamp,
  type WhitespaceData,
  createChart,
} from "lightweight-charts";
import { IST_SECONDS, dateOf, dayOf, minuteOf, monthOf, yearOf } from "../format/time";
import { price } from "../format/number";
import type { Band } from "./bands";
import type { Last } from "../quotes/last";
import { type Bar, type Change, drawnVolume, withLast } from "./bars";
import { type Colours, readColours } from "./colours";
import { PointerLabel } from "./pointer";
import { Shade } from "./shade";

/** Bars left before the edge when older ones are asked for. */
const MARGIN_BARS = 60;

export interface SurfaceHooks {
  /** The bar under the crosshair by its start, null when there is none. */
  onCrosshair: (ms: number | null) => void;
  onNearStart: () => void;
}

/** The library counts in UTC; its clock is put forward so that the axis reads Indian time. */
function timeOf(ms: number): UTCTimestamp {
  return (Math.floor(ms / 1000) + IST_SECONDS) as UTCTimestamp;
}

function msOf(time: Time): number {
  return ((time as number) - IST_SECONDS) * 1000;
}

function label(time: Time, type: TickMarkType): string {
  const ms = msOf(time);
  if (type === TickMarkType.Year) return yearOf(ms);
  if (type === TickMarkType.Month) return monthOf(ms);
  return type === TickMarkType.DayOfMonth ? dateOf(ms) : minuteOf(ms);
}

/** The drawing of candles and volume; knows the library, and nothing of where bars come from. */
export class Surface {
  private readonly chart: IChartApi;
  private readonly candles: ISeriesApi<"Candlestick">;
  private readonly volume: ISeriesApi<"Histogram">;
  private readonly shade: Shade;
  private readonly pointer: PointerLabel;
  private colours: Colours = readColours();
  private bars: readonly Bar[] = [];
  private bands: readonly Band[] = [];
  private lastPrice: IPriceLine | null = null;
  private last: Last | null = null;
  private seconds = 60;
  private bottom = 0.22;

  constructor(element: HTMLElement, hooks: SurfaceHooks) {
    // The library's own attribution logo brings a <style> element, which the page's policy
    // refuses, and its link tells this machine's address; the page shows the credit itself.
    this.chart = createChart(element, {
      autoSize: true,
      layout: { attributionLogo: false, fontSize: 11 },
      crosshair: { mode: CrosshairMode.Normal, horzLine: { labelVisible: false } },
      timeScale: { rightOffset: 8, barSpacing: 7, minBarSpacing: 0.5, tickMarkFormatter: label },
      rightPriceScale: { scaleMargins: { top: 0.12, bottom: 0.22 }, entireTextOnly: true },
    });
    this.candles = this.chart.addSeries(CandlestickSeries, {
      borderVisible: false,
      // these follow the last bar in view, which is not the last price once one has scrolled back
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.volume = this.chart.addSeries(HistogramSeries, {
      priceScaleId: "volume",
      priceFormat: { type: "volume" },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.shade = new Shade(this.colours);
    this.candles.attachPrimitive(this.shade);
    this.pointer = new PointerLabel({
      write: (value) => price(value), tick: 0, ground: this.colours.dim, text: this.colours.panel,
    });
    this.candles.attachPrimitive(this.pointer);
    this.recolour();
    this.chart.subscribeCrosshairMove(({ time, point }) => {
      this.pointer.move(point?.y ?? null);
      hooks.onCrosshair(time === undefined ? null : msOf(time));
    });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range && this.bars.length > 0 && range.from < MARGIN_BARS) hooks.onNearStart();
    });
  }

  /** How prices and times of this instrument and interval are written. */
  describe(decimals: number, tick: number, seconds: number): void {
    const intraday = seconds < 86_400;
    this.seconds = seconds;
    const formatter = (value: number) => price(value, decimals);
    this.pointer.describe({ write: formatter, tick });
    // Not the tick size: of 0.05 the library makes steps of 0.125, which no label then tells.
    this.candles.applyOptions({
      priceFormat: { type: "custom", minMove: 10 ** -decimals, formatter },
    });
    this.chart.applyOptions({
      localization: {
        priceFormatter: formatter,
        timeFormatter: (time: Time) =>
          dayOf(msOf(time)) + (intraday ? ` ${minuteOf(msOf(time))}` : ""),
      },
      timeScale: { timeVisible: intraday, secondsVisible: false },
    });
  }

  /** ``bars`` is kept, not copied: it goes on growing with what ``updateBar`` is told. */
  setBars(bars: readonly Bar[], bands: readonly Band[], home: boolean): void {
    this.bars = bars;
    this.bands = bands;
    this.candles.setData(bars.map((bar) => this.candle(bar)));
    this.volume.setData(bars.map((bar, place) => this.column(bar, place)));
    this.makeRoom();
    this.shade.show(bands, this.colours);
    this.markLast();
    if (home) this.home();
  }

  updateBar(bar: Bar, change: Change, bands: readonly Band[] | null): void {
    const inside = change === "inside";
    this.candles.update(this.candle(bar), inside);
    this.volume.update(this.column(bar, this.bars.lastIndexOf(bar)), inside);
    this.makeRoom();
    if (bands) {
      this.bands = bands;
      this.shade.show(bands, this.colours);
    }
    this.markLast();
  }

  /** The last price of the page, for the line and for the candle that is forming. */
  follow(last: Last | null): void {
    this.last = last;
    const bar = this.bars.at(-1);
    if (bar?.status === "forming") this.candles.update(this.candle(bar));
    this.markLast();
  }

  /** A line at the last price, with its label on the axis. */
  private markLast(): void {
    const bar = this.bars.at(-1);
    if (!bar) {
      if (this.lastPrice) this.candles.removePriceLine(this.lastPrice);
      this.lastPrice = null;
      return;
    }
    const price = this.last?.price ?? bar.close;
    const color = price < bar.open ? this.colours.down : this.colours.up;
    const options = { price, color, lineWidth: 1, lineStyle: LineStyle.Dotted } as const;
    if (this.lastPrice) this.lastPrice.applyOptions(options);
    else this.lastPrice = this.candles.createPriceLine(options);
  }

  /** Below the candles for the volume, where there is any: an index has none. */
  private makeRoom(): void {
    const bottom = this.bars.some((bar) => bar.volume) ? 0.22 : 0.06;
    if (bottom === this.bottom) return;
    this.bottom = bottom;
    this.chart.priceScale("right").applyOptions({ scaleMargins: { top: 0.12, bottom } });
  }

  /** The time in the middle; null while the newest bar is in view. */
  centre(): number | null {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range || range.to >= this.bars.length - 1) return null;
    const place = Math.round((range.from + range.to) / 2);
    return this.bars[Math.max(0, place)]?.ms ?? null;
  }

  /** Bring a time to the middle, as many bars around it as there were. */
  centreOn(ms: number): void {
    const range = this.chart.timeScale().getVisibleLogicalRange();
    if (!range) return;
    const half = (range.to - range.from) / 2;
    const next = this.bars.findIndex((bar) => bar.ms > ms);
    const place = (next < 0 ? this.bars.length : next) - 1;
    this.chart.timeScale().setVisibleLogicalRange({ from: place - half, to: place + half });
  }

  /** Back to the newest bar at the usual width. */
  home(): void {
    this.chart.timeScale().resetTimeScale();
    this.chart.priceScale("right").applyOptions({ autoScale: true });
  }

  recolour(): void {
    const c = readColours();
    this.colours = c;
    this.pointer.describe({ ground: c.dim, text: c.panel });
    this.chart.applyOptions({
      layout: {
        background: { color: c.panel },
        textColor: c.dim,
        fontFamily: getComputedStyle(document.body).fontFamily,
      },
      grid: { vertLines: { color: c.faint }, horzLines: { color: c.faint } },
      rightPriceScale: { borderColor: c.line },
      timeScale: { borderColor: c.line },
      crosshair: {
        vertLine: { color: c.dim, labelBackgroundColor: c.dim },
        horzLine: { color: c.dim, labelBackgroundColor: c.dim },
      },
    });
    this.candles.applyOptions({
      upColor: c.up,
      downColor: c.down,
      wickUpColor: c.up,
      wickDownColor: c.down,
    });
    this.setBars(this.bars, this.bands, false);
  }

  remove(): void {
    this.chart.remove();
  }

  private candle(bar: Bar): CandlestickData {
    const { open, high, low, close } = bar === this.bars.at(-1) ? withLast(bar, this.last, this.seconds) : bar;
    return { time: timeOf(bar.ms), open, high, low, close };
  }

  private column(bar: Bar, place: number): HistogramData | WhitespaceData {
    const volume = drawnVolume(this.bars, place);
    if (volume === null) return { time: timeOf(bar.ms) };
    const color = bar.close < bar.open ? this.colours.downSoft : this.colours.upSoft;
    return { time: timeOf(bar.ms), value: volume, color };
  }
}
