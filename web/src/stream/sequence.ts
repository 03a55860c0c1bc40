/** Watches that a subscription's messages are numbered 1, 2, 3 ... */
export class Sequence {
  private next = 1;

  /** False when a message was missed: what was built from the stream is then no longer true. */
  accept(seq: number): boolean {
    if (seq !== this.next) return false;
    this.next += 1;
    return true;
  }
}

/** Milliseconds before the ``attempt``-th try (from 0): doubling up to five seconds, spread a little. */
export function retryDelay(attempt: number, random: number): number {
  return Math.min(5_000, 250 * 2 ** attempt) * (0.8 + 0.4 * random);
}
