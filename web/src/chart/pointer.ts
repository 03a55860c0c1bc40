import type {
  ISeriesApi,
  ISeriesPrimitive,
  ISeriesPrimitiveAxisView,
  SeriesAttachedParameter,
  Time,
} from "lightweight-charts";

/** How the price at the pointer is written, and in which colours. */
export interface Label {
  write: (price: number) => string;
  /** The distance of two prices; 0 where every price can be. */
  tick: number;
  ground: string;
  text: string;
}

/** The nearest price that can be. */
export function onTick(price: number, tick: number): number {
  return tick > 0 ? Math.round(price / tick) * tick : price;
}

/** The price at the pointer on the axis; the library's own label tells prices between two ticks. */
export class PointerLabel implements ISeriesPrimitive<Time> {
  private series: ISeriesApi<"Candlestick"> | null = null;
  private requestUpdate: () => void = () => {};
  private y: number | null = null;
  private readonly views: readonly ISeriesPrimitiveAxisView[];

  constructor(private label: Label) {
    this.views = [
      {
        coordinate: () => this.y ?? 0,
        visible: () => this.price() !== null,
        text: () => this.label.write(onTick(this.price() ?? 0, this.label.tick)),
        textColor: () => this.label.text,
        backColor: () => this.label.ground,
      },
    ];
  }

  attached({ series, requestUpdate }: SeriesAttachedParameter<Time>): void {
    this.series = series as ISeriesApi<"Candlestick">;
    this.requestUpdate = requestUpdate;
  }

  detached(): void {
    this.series = null;
  }

  priceAxisViews(): readonly ISeriesPrimitiveAxisView[] {
    return this.views;
  }

  describe(label: Partial<Label>): void {
    this.label = { ...this.label, ...label };
    this.requestUpdate();
  }

  move(y: number | null): void {
    this.y = y;
    this.requestUpdate();
  }

  private price(): number | null {
    return this.y === null ? null : (this.series?.coordinateToPrice(this.y) ?? null);
  }
}
