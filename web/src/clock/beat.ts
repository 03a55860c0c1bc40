import { type ReadonlySignal, signal } from "@preact/signals";

/** A signal that changes every ``milliseconds``: what shows an age reads it to be drawn again. */
export function beat(milliseconds: number): ReadonlySignal<number> {
  const count = signal(0);
  setInterval(() => {
    if (!document.hidden) count.value += 1;
  }, milliseconds);
  return count;
}
