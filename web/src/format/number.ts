/** Numbers as an Indian trader reads them: 12,34,567.05; the sign is always shown on a change. */

export const NOTHING = "–";

const MINUS = "−";
const formats = new Map<number, Intl.NumberFormat>();

function format(decimals: number): Intl.NumberFormat {
  let found = formats.get(decimals);
  if (!found) {
    found = new Intl.NumberFormat("en-IN", {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
    formats.set(decimals, found);
  }
  return found;
}

type Maybe = number | null | undefined;

function missing(value: Maybe): value is null | undefined {
  return value === null || value === undefined || !Number.isFinite(value);
}

/** Decimals that show every price on the tick grid: two for 0.05, four for 0.0025. */
export function decimalsOf(tickSize: number): number {
  if (!(tickSize > 0)) return 2;
  const digits = tickSize.toFixed(7).replace(/0+$/, "").split(".")[1]?.length ?? 0;
  return Math.max(2, digits);
}

export function price(value: Maybe, decimals = 2): string {
  return missing(value) ? NOTHING : format(decimals).format(value).replace("-", MINUS);
}

export function whole(value: Maybe): string {
  return missing(value) ? NOTHING : format(0).format(value).replace("-", MINUS);
}

/** "+12.30", "−0.45"; a change that rounds to nothing has no sign. */
export function signed(value: Maybe, decimals = 2): string {
  if (missing(value)) return NOTHING;
  const text = format(decimals).format(Math.abs(value));
  if (!/[1-9]/.test(text)) return text;
  return (value > 0 ? "+" : MINUS) + text;
}

export function percent(value: Maybe): string {
  return missing(value) ? NOTHING : `${signed(value)}%`;
}

/** -1, 0 or 1: the direction that ``signed`` shows, for the colour beside the sign. */
export function direction(value: Maybe, decimals = 2): -1 | 0 | 1 {
  if (missing(value)) return 0;
  if (Math.abs(value) < 0.5 / 10 ** decimals) return 0;
  return value > 0 ? 1 : -1;
}

const SCALES: readonly [number, string][] = [
  [1e7, " Cr"],
  [1e5, " L"],
  [1e3, " K"],
];

/** "1.24 Cr", "3.05 L", "12.4 K": where there is no room for every digit. */
export function short(value: Maybe): string {
  if (missing(value)) return NOTHING;
  for (const [size, unit] of SCALES) {
    // 99,999.7 would otherwise be shown as "100 K"
    if (Math.abs(value) >= size * 0.99995) {
      const scaled = value / size;
      const decimals = Math.abs(scaled) >= 99.95 ? 0 : Math.abs(scaled) >= 9.995 ? 1 : 2;
      return format(decimals).format(scaled).replace("-", MINUS) + unit;
    }
  }
  return whole(value);
}

export function bytes(value: Maybe): string {
  if (missing(value)) return NOTHING;
  if (value < 1024) return `${whole(value)} B`;
  if (value < 1024 ** 2) return `${price(value / 1024, 1)} KiB`;
  return `${price(value / 1024 ** 2, 1)} MiB`;
}

/** "2", "0.25", "1.2 K": a speed in few digits, whatever was asked for. */
export function speedOf(speed: number): string {
  return speed >= 1_000 ? short(speed) : String(Number(speed.toPrecision(3)));
}
