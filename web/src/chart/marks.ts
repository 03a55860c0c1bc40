import { spanOf } from "./intervals";
import type { Bar } from "./bars";

/** A word beside a candle's numbers, and what it means. */
export interface Mark {
  word: string;
  means: string;
}

export const FLAGS: Readonly<Record<string, string>> = {
  partial: "The first value after a start fell into it: something before it may be missing.",
  ambiguous:
    "An extreme of the day fell between two snapshots on both sides of the candle's edge: it may belong to the neighbour.",
  gap: "The feed was away for part of it.",
  amended: "A later snapshot changed it after it was final.",
  arrival: "Sorted by arrival: the feed's mode carries no exchange time.",
};

/** An index has no volume by nature, a share no open interest; a revision tells of amendments. */
const UNSAID = new Set(["no_volume", "no_oi"]);

/** What must be known beside the numbers. */
export function marksOf(bar: Bar, interval: string): Mark[] {
  const marks: Mark[] = [];
  if (bar.session === "closing_auction") {
    marks.push({ word: "closing auction", means: "All its trades were made at the one price." });
  }
  for (const flag of bar.flags) {
    // of a day and longer, high and low are the exchange's own
    const settled = flag === "ambiguous" && spanOf(interval) >= 86_400;
    if (UNSAID.has(flag) || settled || (flag === "amended" && bar.revision > 0)) continue;
    marks.push({ word: flag, means: FLAGS[flag] ?? "" });
  }
  if (bar.revision > 0) {
    marks.push({ word: `revision ${bar.revision}`, means: "How often it was changed after it was final." });
  }
  return marks;
}
