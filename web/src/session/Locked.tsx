/** What is seen without a session: how to get one. */
export function Locked() {
  return (
    <main class="locked">
      <h1>firki</h1>
      <p>This browser has no session, or it has ended.</p>
      <p>
        Open the link that firki printed when it started. A link works once; <code>firki link</code>{" "}
        prints a new one, <code>firki link --demo</code> one of the demo's page.
      </p>
      <button type="button" onClick={() => location.reload()}>
        Try again
      </button>
    </main>
  );
}
