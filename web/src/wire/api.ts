/** The server's routes. A 401 anywhere means that the session is gone: ``onLocked`` is told. */

export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

type Values = Record<string, string | number | boolean | readonly string[] | undefined>;

function query(values: Values): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) pairs.append(name, String(one));
  }
  const text = pairs.toString();
  return text ? `?${text}` : "";
}

export class Api {
  constructor(private readonly onLocked: () => void) {}

  get<T>(path: string, values: Values = {}, signal?: AbortSignal): Promise<T> {
    return this.call<T>(path + query(values), signal ? { signal } : {});
  }

  /** Every write names the page itself, which a form on a foreign site cannot. */
  post<T>(path: string, body: object): Promise<T> {
    return this.call<T>(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Firki": "1" },
      body: JSON.stringify(body),
    });
  }

  private async call<T>(url: string, init: RequestInit): Promise<T> {
    const answer = await fetch(url, { credentials: "same-origin", cache: "no-store", ...init });
    if (answer.status === 401) this.onLocked();
    if (!answer.ok) throw new Refused(answer.status, await reason(answer));
    return (await answer.json()) as T;
  }
}

async function reason(answer: Response): Promise<string> {
  const text = await answer.text();
  try {
    const body = JSON.parse(text) as { detail?: unknown; error?: unknown; message?: unknown };
    const words = body.detail ?? body.error ?? body.message;
    if (typeof words === "string") return words;
  } catch {
    // not JSON: the text itself is the best there is
  }
  return text.slice(0, 200) || `HTTP ${answer.status}`;
}
