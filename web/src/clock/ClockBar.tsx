import { useSignal } from "@preact/signals";
import type { Desk } from "../desk";
import { speedOf } from "../format/number";
import { dayOf, secondOf } from "../format/time";
import { inSession } from "../quotes/age";

const SPEEDS = [1, 5, 60] as const;

/** Market time, and on a clock that can be driven its speed and its brake. */
export function ClockBar({ desk }: { desk: Desk }) {
  return (
    <div class="clock">
      <Time desk={desk} />
      {desk.clock.driven.value && <Drive desk={desk} />}
    </div>
  );
}

function Time({ desk }: { desk: Desk }) {
  desk.tenth.value;
  const { clock } = desk;
  if (!clock.known.value) return <time>–</time>;
  const now = clock.now();
  const open = desk.open.value;
  const phase = desk.phaseOf(open?.session_class);
  const whose = open ? `What the exchange does now with ${open.tradingsymbol}` : undefined;
  return (
    <>
      <span class={`phase${inSession(phase) ? " on" : ""}`} title={whose}>
        {phase?.replaceAll("_", " ")}
      </span>
      <span class="date">{dayOf(now)}</span>
      <time class="number">{secondOf(now)}</time>
      <span class="zone">IST</span>
    </>
  );
}

function Drive({ desk }: { desk: Desk }) {
  const { clock } = desk;
  const problem = useSignal<string | null>(null);
  const running = clock.running.value;
  const order = (what: Parameters<Desk["orderClock"]>[0]) => {
    problem.value = null;
    desk.orderClock(what).catch((error: Error) => {
      problem.value = error.message;
    });
  };
  return (
    <div class="drive" role="group" aria-label="Speed of the market clock">
      <button
        type="button"
        aria-label={running ? "Pause the market clock" : "Run the market clock"}
        title="Space"
        onClick={() => order(running ? { pause: true } : { run: true })}
      >
        {running ? "❚❚" : "►"}
      </button>
      {SPEEDS.map((speed) => (
        <button
          type="button"
          key={speed}
          aria-label={`Speed ${speed} times`}
          aria-pressed={clock.speed.value === speed}
          onClick={() => order({ speed })}
        >
          {speed}×
        </button>
      ))}
      {!SPEEDS.some((speed) => speed === clock.speed.value) && (
        <span class="number own" title={`${clock.speed.value} market seconds a second`}>
          {speedOf(clock.speed.value)}×
        </span>
      )}
      {problem.value && <span class="problem" role="alert">{problem.value}</span>}
    </div>
  );
}
