import { whole } from "../format/number";
import { tenths } from "../format/time";
import type { Connection } from "../wire/wire";

export function Connections({ connections }: { connections: readonly Connection[] }) {
  if (connections.length === 0) return <p class="nothing">No connection to the broker.</p>;
  return (
    <table class="connections">
      <caption class="hidden">Connections to the broker</caption>
      <thead>
        <tr>
          <th scope="col" title="Account and number of the socket">Connection</th>
          <th scope="col" title="Instruments it carries">Tokens</th>
          <th scope="col" title="ltp: prices; quote: the day's figures too; full: the order book too">
            Mode
          </th>
          <th scope="col" title="Since it last said anything, a heartbeat included">Age</th>
          <th scope="col" title="How often a silent or broken socket was replaced">
            Repl.
          </th>
        </tr>
      </thead>
      <tbody>
        {connections.map((one) => (
          <tr key={`${one.account}/${one.connection}`} class={one.state === "open" ? "" : "alarm"}>
            <td>
              {one.account} {one.connection}
              {one.state !== "open" && <small> {one.state}</small>}
            </td>
            <td class="number">{whole(one.tokens)}</td>
            <td>{one.mode}</td>
            <td class="number">{tenths(one.age_seconds)}</td>
            <td class="number">{whole(one.replaced)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
