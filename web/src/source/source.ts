import { effect } from "@preact/signals";
import type { Desk } from "../desk";
import type { Source } from "../wire/wire";

export interface BadgeWords {
  word: string;
  means: string;
}

/** How prices are marked that are not the market's of now. */
export const BADGES: Record<Source, BadgeWords | null> = {
  live: null,
  simulated: { word: "DEMO", means: "Made-up prices of a simulated market" },
  tape: { word: "TAPE", means: "Recorded ticks, played by the simulator" },
  replay: { word: "REPLAY", means: "A captured day, served again" },
};

/** What the pulse says while prices come: only the market's own are live. */
export function runningWord(source: Source | null): string {
  return source === "live" ? "live" : "playing";
}

/** The tab's icon tells the source too, so that two tabs can be told apart. */
export function markIcon(desk: Desk): void {
  const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  effect(() => {
    const source = desk.clock.source.value;
    if (link && source) link.href = source === "live" ? "./icon.svg" : `./icon-${source}.svg`;
  });
}
