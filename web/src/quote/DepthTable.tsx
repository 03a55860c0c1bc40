import { price, short, whole } from "../format/number";
import type { Depth, Level, Quote } from "../wire/wire";

const LEVELS = [0, 1, 2, 3, 4] as const;

interface Props {
  quote: Quote;
  depth: Depth;
  decimals: number;
}

/** Five levels a side, best first; the bars behind compare quantities. */
export function DepthTable({ quote, depth, decimals }: Props) {
  const most = Math.max(1, ...[...depth.buy, ...depth.sell].map((level) => level.quantity));
  return (
    <table class="depth" style={widths(depth, decimals)}>
      <caption class="hidden">Order book</caption>
      <thead>
        <tr>
          <th scope="col" class="orders" title="Orders">Ord</th>
          <th scope="col" class="quantity">Qty</th>
          <th scope="col" class="buy">Bid</th>
          <th scope="col" class="sell">Ask</th>
          <th scope="col" class="quantity">Qty</th>
          <th scope="col" class="orders" title="Orders">Ord</th>
        </tr>
      </thead>
      <tbody>
        {LEVELS.map((place) => (
          <tr key={place}>
            <Side level={depth.buy[place]} side="buy" most={most} decimals={decimals} />
            <Side level={depth.sell[place]} side="sell" most={most} decimals={decimals} />
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <td class="orders" />
          <td colSpan={2} title={whole(quote.buy_quantity)}>
            Bids {short(quote.buy_quantity)}
          </td>
          <td colSpan={2} title={whole(quote.sell_quantity)}>
            Asks {short(quote.sell_quantity)}
          </td>
          <td class="orders" />
        </tr>
      </tfoot>
    </table>
  );
}

/** Digits of each column and of a side, by which the style sheet sets widths and the size of type. */
function widths(depth: Depth, decimals: number): Record<string, number> {
  const levels = [...depth.buy, ...depth.sell];
  const most = (text: (level: Level) => string) => Math.max(3, ...levels.map((one) => text(one).length));
  const prices = most((one) => price(one.price, decimals));
  const quantities = most((one) => whole(one.quantity));
  const orders = most((one) => whole(one.orders));
  return {
    "--price": prices, "--quantity": quantities, "--orders": orders,
    "--digits": prices + quantities + orders,
  };
}

interface SideProps {
  level: Level | undefined;
  side: "buy" | "sell";
  most: number;
  decimals: number;
}

function Side({ level, side, most, decimals }: SideProps) {
  const held = level && level.quantity > 0 ? level : null;
  const orders = <td class="number dim orders">{held ? whole(held.orders) : ""}</td>;
  const quantity = (
    <td class={`number bar ${side}`}>
      <i style={{ width: `${((held?.quantity ?? 0) / most) * 100}%` }} />
      <span>{held ? whole(held.quantity) : ""}</span>
    </td>
  );
  const offer = <td class={`number ${side}`}>{held ? price(held.price, decimals) : "–"}</td>;
  return side === "buy" ? <>{orders}{quantity}{offer}</> : <>{offer}{quantity}{orders}</>;
}
