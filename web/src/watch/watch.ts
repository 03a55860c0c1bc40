import { type ReadonlySignal, computed, signal } from "@preact/signals";
import type { Board } from "../quotes/board";
import type { Instrument } from "../wire/wire";
import { type Column, GROUPS, type Group, type Order, type Sortable, select, sort } from "./universe";

const REMEMBERED = "firki.watch";

/** What the market watch shows and where its cursor stands. */
export class Watch {
  readonly group = signal<Group>("All");
  readonly query = signal("");
  /** null leaves the list in its own order: indices, shares, futures, options. */
  readonly order = signal<Order | null>(null);
  readonly cursor = signal<string | null>(null);
  readonly rows: ReadonlySignal<Instrument[]>;

  constructor(
    readonly instruments: ReadonlySignal<readonly Instrument[]>,
    board: Board,
    resort: ReadonlySignal<number>,
  ) {
    this.recall();
    this.rows = computed(() => {
      const chosen = select(this.instruments.value, this.group.value, this.query.value);
      const order = this.order.value;
      if (!order) return chosen;
      // prices move several times a second: rows that jumped as often could not be read
      if (order.column !== "symbol") resort.value;
      return sort(chosen, order, (key) => sortable(board, key));
    });
  }

  choose(group: Group): void {
    this.group.value = group;
    this.remember();
  }

  nextGroup(): void {
    const place = GROUPS.indexOf(this.group.value);
    this.choose(GROUPS[(place + 1) % GROUPS.length] ?? "All");
  }

  /** First the useful way (largest first, names from A), then the other, then no order. */
  sortBy(column: Column): void {
    const first = column !== "symbol";
    const order = this.order.value;
    if (order?.column !== column) this.order.value = { column, descending: first };
    else if (order.descending === first) this.order.value = { column, descending: !first };
    else this.order.value = null;
    this.remember();
  }

  move(step: number): void {
    const rows = this.rows.value;
    if (rows.length === 0) return;
    const at = rows.findIndex((one) => one.key === this.cursor.value);
    const next = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step));
    this.cursor.value = rows[next]?.key ?? null;
  }

  private remember(): void {
    const kept = { group: this.group.value, order: this.order.value };
    localStorage.setItem(REMEMBERED, JSON.stringify(kept));
  }

  private recall(): void {
    try {
      const kept = JSON.parse(localStorage.getItem(REMEMBERED) ?? "{}") as {
        group?: Group;
        order?: Order | null;
      };
      if (kept.group && GROUPS.includes(kept.group)) this.group.value = kept.group;
      if (kept.order && ["symbol", "last", "change", "volume"].includes(kept.order.column)) {
        this.order.value = kept.order;
      }
    } catch {
      localStorage.removeItem(REMEMBERED);
    }
  }
}

function sortable(board: Board, key: string): Sortable {
  const quote = board.entry(key).peek()?.quote;
  return {
    last: quote?.last_price ?? null,
    change: quote?.change_percent ?? null,
    volume: quote?.volume_traded ?? null,
  };
}
