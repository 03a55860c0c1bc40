import type { Desk } from "../desk";
import { BADGES } from "./source";

/** Says that these are not the market's prices of now; a live market needs no badge. */
export function Badge({ desk }: { desk: Desk }) {
  const source = desk.clock.source.value;
  const badge = source ? BADGES[source] : null;
  if (!badge) return null;
  return (
    <strong class={`badge ${source}`} title={badge.means}>
      {badge.word}
    </strong>
  );
}
