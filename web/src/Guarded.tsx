import type { ComponentChildren } from "preact";
import { useErrorBoundary } from "preact/hooks";

/** Keeps a part that fails from taking the prices beside it along. */
export function Guarded({ name, children }: { name: string; children: ComponentChildren }) {
  const [error, retry] = useErrorBoundary((failure: unknown) => console.error(name, failure));
  if (!error) return <>{children}</>;
  return (
    <section class="panel nothing" role="alert">
      <p>
        {name} could not be drawn: {String((error as Error).message ?? error)}
      </p>
      <button type="button" onClick={retry}>
        Draw again
      </button>
    </section>
  );
}
