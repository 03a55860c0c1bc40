/** What is seen without a session: how to get one. */
export function Locked() {
  return (
    <main class="locked">
      <h1>firki</h1>
      <p>This browser has no session, or it has ended.</p>
      <p>
        Open the link that <code>firki demo</code> or <code>firki up</code> printed when it started.
        A link works once; starting again prints a new one.
      </p>
      <button type="button" onClick={() => location.reload()}>
        Try again
      </button>
    </main>
  );
}
