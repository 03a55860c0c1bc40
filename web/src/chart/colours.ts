/** The colours of the page as the style sheet has them, for what is drawn on a canvas. */
export interface Colours {
  panel: string;
  line: string;
  faint: string;
  text: string;
  dim: string;
  accent: string;
  up: string;
  down: string;
  upSoft: string;
  downSoft: string;
  gap: string;
  auction: string;
}

export function readColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    panel: read("--panel"),
    line: read("--line"),
    faint: read("--faint"),
    text: read("--text"),
    dim: read("--dim"),
    accent: read("--accent"),
    up: read("--up"),
    down: read("--down"),
    upSoft: read("--up-soft"),
    downSoft: read("--down-soft"),
    gap: read("--gap"),
    auction: read("--auction"),
  };
}

/** Calls back when the system goes from light to dark or back; the answer ends it. */
export function onColours(change: () => void): () => void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", change);
  return () => dark.removeEventListener("change", change);
}
