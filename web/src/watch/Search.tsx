import { useEffect, useRef } from "preact/hooks";
import type { Desk } from "../desk";

export const SEARCH_ID = "search";

export function Search({ desk }: { desk: Desk }) {
  const { watch } = desk;
  const box = useRef<HTMLInputElement>(null);
  const query = watch.query.value;
  useEffect(() => {
    if (query.trim().length < 2) return undefined;
    const abort = new AbortController();
    const wait = setTimeout(() => {
      // what the list at hand holds is shown already; a search that failed only adds nothing
      desk.find(query.trim(), abort.signal).catch(() => {});
    }, 200);
    return () => {
      clearTimeout(wait);
      abort.abort();
    };
  }, [query]);
  return (
    <div class="search">
      <input
        id={SEARCH_ID}
        ref={box}
        type="search"
        placeholder="Search symbol or name"
        aria-label="Search instruments"
        autocomplete="off"
        spellcheck={false}
        value={query}
        onInput={(event) => {
          watch.query.value = event.currentTarget.value;
          if (watch.query.value) watch.cursor.value = watch.rows.value[0]?.key ?? null;
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}
