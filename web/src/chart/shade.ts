import type {
  IChartApi,
  IPrimitivePaneRenderer,
  IPrimitivePaneView,
  ISeriesPrimitive,
  Logical,
  SeriesAttachedParameter,
  Time,
} from "lightweight-charts";
import type { Band } from "./bands";
import type { Colours } from "./colours";

/** Draws the bands behind the candles. */
export class Shade implements ISeriesPrimitive<Time> {
  private chart: IChartApi | null = null;
  private requestUpdate: () => void = () => {};
  private bands: readonly Band[] = [];
  private readonly views: readonly IPrimitivePaneView[];

  constructor(private colours: Colours) {
    const renderer: IPrimitivePaneRenderer = {
      draw: (target) =>
        target.useMediaCoordinateSpace(({ context, mediaSize }) =>
          this.paint(context, mediaSize.height),
        ),
    };
    this.views = [{ zOrder: () => "bottom", renderer: () => renderer }];
  }

  attached({ chart, requestUpdate }: SeriesAttachedParameter<Time>): void {
    this.chart = chart as IChartApi;
    this.requestUpdate = requestUpdate;
  }

  detached(): void {
    this.chart = null;
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return this.views;
  }

  show(bands: readonly Band[], colours: Colours): void {
    this.bands = bands;
    this.colours = colours;
    this.requestUpdate();
  }

  private paint(context: CanvasRenderingContext2D, height: number): void {
    const scale = this.chart?.timeScale();
    if (!scale) return;
    // the library answers for whole places only, and a band begins between two of them
    const origin = scale.logicalToCoordinate(0 as Logical);
    const next = scale.logicalToCoordinate(1 as Logical);
    if (origin === null || next === null) return;
    for (const band of this.bands) {
      const left = origin + band.from * (next - origin);
      const right = origin + band.to * (next - origin);
      if (right < 0) continue;
      if (band.from === band.to) this.line(context, band, Math.round(left), height);
      else {
        context.fillStyle = band.kind === "gap" ? this.colours.gap : this.colours.auction;
        context.fillRect(left, 0, right - left, height);
      }
    }
  }

  private line(context: CanvasRenderingContext2D, band: Band, x: number, height: number): void {
    context.save();
    context.strokeStyle = band.kind === "gap" ? this.colours.down : this.colours.line;
    context.setLineDash(band.kind === "gap" ? [2, 3] : []);
    context.beginPath();
    context.moveTo(x + 0.5, 0);
    context.lineTo(x + 0.5, height);
    context.stroke();
    context.restore();
  }
}
