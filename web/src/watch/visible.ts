/** Rows [first, last) to draw of a long list, a few beyond the edges so that scrolling finds them. */
export function visible(
  view: { top: number; height: number },
  rowHeight: number,
  total: number,
  beyond = 6,
): { first: number; last: number } {
  const first = Math.floor(view.top / rowHeight) - beyond;
  const last = Math.ceil((view.top + view.height) / rowHeight) + beyond;
  const from = Math.min(Math.max(0, first), total);
  return { first: from, last: Math.max(from, Math.min(total, last)) };
}

/** Where to scroll so that the row is seen, moving as little as possible. */
export function reveal(
  view: { top: number; height: number },
  rowHeight: number,
  index: number,
): number {
  const top = index * rowHeight;
  if (top < view.top) return top;
  return Math.max(view.top, top + rowHeight - view.height);
}
