const WIDTH = 120;
const HEIGHT = 28;
const KEPT = 90;

/** The last minute and a half of ticks per second. */
export function Sparkline({ values }: { values: readonly number[] }) {
  const most = Math.max(1, ...values);
  const step = WIDTH / (KEPT - 1);
  const points = values.map((value, place) => {
    const x = WIDTH - (values.length - 1 - place) * step;
    return `${x.toFixed(1)},${(HEIGHT - 1 - (value / most) * (HEIGHT - 3)).toFixed(1)}`;
  });
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`Ticks per second over the last ${values.length} seconds, at most ${Math.round(most)}`}
    >
      <polyline points={points.join(" ")} />
    </svg>
  );
}
