import type { ComponentChildren } from "preact";
import type { Desk } from "../desk";
import { bytes, price, whole } from "../format/number";
import { parseTime, secondOf, span, tenths } from "../format/time";
import type { Health } from "../wire/wire";
import { Connections } from "./Connections";
import { Sparkline } from "./Sparkline";
import { MEANINGS, REFUSALS } from "./words";

/** How old the data is and what became of it: the page's answer to "can I trust this?" */
export function FeedPanel({ desk }: { desk: Desk }) {
  const health = desk.health.value;
  const lost = desk.stream.state.value === "lost";
  return (
    <section class={`feed panel${lost ? " stale" : ""}`} aria-label="Feed">
      <h2>
        Feed {health && !lost && <span class={`state ${stateTone(health)}`}>{health.status}</span>}
      </h2>
      {health ? <Body desk={desk} health={health} /> : <p class="nothing">Waiting for the first report…</p>}
    </section>
  );
}

function stateTone(health: Health): string {
  return health.status === "ok" ? "good" : "bad";
}

function Body({ desk, health }: { desk: Desk; health: Health }) {
  const { journal, gaps } = health;
  const behind = journal.newest - journal.acknowledged;
  // what comes before the switch to the wanted mode is no fault: it has a line of its own
  const { lower_mode: lowerMode = 0, ...others } = health.refused;
  const refused = Object.entries(others).filter(([, count]) => count > 0);
  return (
    <>
      <div class="dials">
        <DataAge desk={desk} />
        <div class="dial">
          <span class="label" title={MEANINGS.rate}>Ticks/s</span>
          <strong class="number">{whole(Math.round(health.ticks_per_second))}</strong>
        </div>
        <Sparkline values={desk.rates.value} />
      </div>
      <dl class="pairs single">
        <Pair name="Journal newest" title={MEANINGS.newest}>{whole(journal.newest)}</Pair>
        <Pair name="Acknowledged" title={MEANINGS.acknowledged}>
          {whole(journal.acknowledged)}
          {behind > 0 && <small>{whole(behind)} behind</small>}
        </Pair>
        <Pair name="Backlog" title={MEANINGS.backlog}>{bytes(journal.backlog_bytes)}</Pair>
        <Pair name="Gaps" title={MEANINGS.gaps} alarm={gaps.minutes > 0}>
          {gaps.minutes > 0
            ? `${whole(gaps.minutes)} bars, ${whole(gaps.instruments)} instruments`
            : "none"}
        </Pair>
        {refused.map(([reason, count]) => (
          <Pair
            key={reason}
            name={`Refused: ${reason.replaceAll("_", " ")}`}
            title={REFUSALS[reason] ?? "Ticks that changed nothing"}
          >
            {whole(count)}
          </Pair>
        ))}
        {lowerMode > 0 && (
          <Pair name="Before the mode change" title={MEANINGS.lowerMode}>
            {whole(lowerMode)}
          </Pair>
        )}
        <Pair name="Instruments with ticks" title={MEANINGS.seen}>
          {whole(health.instruments_with_ticks)} of {whole(health.instrument_count)}
        </Pair>
        <Pair name="Ticks" title={MEANINGS.ticks}>{whole(health.ticks_processed)}</Pair>
        <Pair name="Candles final" title={MEANINGS.final}>
          {whole(health.candles_completed)}
          {health.amendments > 0 && <small>{whole(health.amendments)} amended</small>}
        </Pair>
        {health.exchange_lag_seconds != null && (
          <Pair name="Behind the exchange" title={MEANINGS.lag}>
            {price(health.exchange_lag_seconds, 1)} s
          </Pair>
        )}
        <Pair name="Last tick" title={MEANINGS.last}>
          {secondText(health.last_tick_time)}
        </Pair>
        <Pair name="Running for" title={MEANINGS.running}>
          {span(health.uptime_seconds)}
          <small>{price(health.memory_mb, 0)} MB</small>
        </Pair>
      </dl>
      {health.notes?.map((note) => (
        <p key={note} class="note">
          {note}
        </p>
      ))}
      <Connections connections={health.connections} />
    </>
  );
}

function secondText(text: string | null): string {
  const ms = parseTime(text);
  return ms === null ? "–" : secondOf(ms);
}

/** The age of the newest tick of all, counting in tenths of a second. */
function DataAge({ desk }: { desk: Desk }) {
  desk.tenth.value;
  const receivedMs = newestOf(desk);
  const age = desk.age(receivedMs);
  const stale = desk.stale(receivedMs);
  return (
    <div class={`dial${stale ? " old" : ""}`}>
      <span class="label" title={MEANINGS.age}>Data age</span>
      <strong class="number" data-age={age ?? ""}>
        {tenths(age)}
      </strong>
    </div>
  );
}

/** When the newest tick came: as the last report has it, or a quote seen since. */
export function newestOf(desk: Desk): number | null {
  const reported = parseTime(desk.health.value?.last_tick_time);
  const seen = desk.board.newestMs;
  if (reported === null || seen === null) return reported ?? seen;
  return Math.max(reported, seen);
}

interface PairProps {
  name: string;
  title: string;
  children: ComponentChildren;
  alarm?: boolean;
}

function Pair({ name, title, children, alarm = false }: PairProps) {
  return (
    <div class={alarm ? "alarm" : ""} title={title}>
      <dt>{name}</dt>
      <dd class="number">{children}</dd>
    </div>
  );
}
