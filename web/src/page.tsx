import { useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Chart } from "./chart/Chart";
import { ClockBar } from "./clock/ClockBar";
import type { Desk } from "./desk";
import { FeedPanel, newestOf } from "./feed/FeedPanel";
import { decimalsOf, percent, price, whole } from "./format/number";
import { tenths } from "./format/time";
import { Guarded } from "./Guarded";
import { Help } from "./keys/Help";
import { listen } from "./keys/keys";
import { QuotePanel } from "./quote/QuotePanel";
import { Locked } from "./session/Locked";
import { Badge } from "./source/Badge";
import { BADGES, runningWord } from "./source/source";
import { Banner } from "./stream/Banner";
import { MarketWatch } from "./watch/MarketWatch";

export function Page({ desk }: { desk: Desk }) {
  useEffect(() => listen(desk), []);
  useTitle(desk);
  if (desk.locked.value) return <Locked />;
  const lost = desk.stream.state.value === "lost";
  return (
    <div class={`desk${lost ? " lost" : ""}`}>
      <header class="top">
        <span class="brand">firki</span>
        <Badge desk={desk} />
        <ClockBar desk={desk} />
        <Pulse desk={desk} />
        <button
          type="button"
          class="ask"
          aria-label="Keys and help"
          title="Keys (?)"
          onClick={() => {
            desk.view.help.value = true;
          }}
        >
          ?
        </button>
      </header>
      <Banner desk={desk} />
      <main>
        <Guarded name="The market watch">
          <MarketWatch desk={desk} />
        </Guarded>
        <Guarded name="The chart">
          <Chart desk={desk} />
        </Guarded>
        <div class="side">
          <Guarded name="The quote">
            <QuotePanel desk={desk} />
          </Guarded>
          <Guarded name="The feed panel">
            <FeedPanel desk={desk} />
          </Guarded>
        </div>
      </main>
      <Help desk={desk} />
    </div>
  );
}

/** The feed in one line, seen without looking for it. */
function Pulse({ desk }: { desk: Desk }) {
  desk.tenth.value;
  const receivedMs = newestOf(desk);
  const rate = desk.health.value?.ticks_per_second;
  const { word, tone } = verdict(desk, desk.stale(receivedMs));
  return (
    <div class={`pulse ${tone}`} title="Age of the newest tick, ticks per second">
      <i aria-hidden="true" />
      <span>{word}</span>
      <span class="number">{tenths(desk.age(receivedMs))}</span>
      <span class="number rate">{rate === undefined ? "–" : whole(Math.round(rate))}/s</span>
    </div>
  );
}

function verdict(desk: Desk, old: boolean): { word: string; tone: "good" | "middling" | "bad" } {
  const state = desk.stream.state.value;
  if (state !== "open") return { word: state === "lost" ? "not connected" : "connecting", tone: "bad" };
  const status = desk.health.value?.status;
  if (status === undefined) return { word: "connecting", tone: "middling" };
  if (status !== "ok") return { word: status, tone: "bad" };
  if (!desk.clock.running.value) return { word: "paused", tone: "middling" };
  if (!desk.inSession.value) return { word: "market closed", tone: "middling" };
  return old ? { word: "quiet", tone: "middling" } : { word: runningWord(desk.clock.source.value), tone: "good" };
}

/** The tab says the price, and whose it is when not the market's of now, so that it can be followed from elsewhere. */
function useTitle(desk: Desk): void {
  useSignalEffect(() => {
    desk.second.value;
    const instrument = desk.open.value;
    const quote = instrument ? desk.board.entry(instrument.key).peek()?.quote : null;
    const source = desk.clock.source.value;
    const badge = source ? BADGES[source]?.word : undefined;
    const shown =
      instrument && quote
        ? `${instrument.tradingsymbol} ${price(quote.last_price, decimalsOf(instrument.tick_size))} ${percent(quote.change_percent)}`
        : null;
    document.title = [badge, shown, "firki"].filter(Boolean).join(" · ");
  });
}
