import type { Desk } from "../desk";
import { tenths } from "../format/time";

/** Says that the page itself has lost the server, and that nothing on it is live. */
export function Banner({ desk }: { desk: Desk }) {
  const { stream } = desk;
  if (stream.state.value !== "lost") return <Notice desk={desk} />;
  return (
    <div class="banner" role="alert">
      <strong>Not connected.</strong> <span>Everything below is as it was.</span>
      <Since desk={desk} />
      <button type="button" onClick={() => stream.retryNow()}>
        Try now
      </button>
    </div>
  );
}

function Since({ desk }: { desk: Desk }) {
  desk.tenth.value;
  const at = desk.stream.lostAt.value;
  if (at === null) return null;
  return (
    <span class="number" aria-hidden="true">
      Lost {tenths((performance.now() - at) / 1000)} ago, try {desk.stream.attempts.value}
    </span>
  );
}

function Notice({ desk }: { desk: Desk }) {
  const { notice } = desk.view;
  if (notice.value === null) return null;
  return (
    <div class="banner" role="status">
      <span>{notice.value}</span>
      <button
        type="button"
        onClick={() => {
          notice.value = null;
        }}
      >
        Close
      </button>
    </div>
  );
}
