/** The environment server that serves this page: its stream of what happens, and its calls. */

import { createParser } from "eventsource-parser";

import { object, text } from "../trace/json.ts";

/** Whether an environment server serves this page: it does so at `/console/`, a viewer of files at `/`. */
export const IS_LIVE = typeof document !== "undefined" && new URL(".", document.baseURI).pathname.endsWith("/console/");

/** An answer that is none. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, words: string) {
    super(words || `the server answered ${status}`);
    this.status = status;
  }

  /** Whether another token is needed. */
  get isOfToken(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

function headers(token: string): Record<string, string> {
  return token === "" ? {} : { authorization: `Bearer ${token}` };
}

/** What a refusal says, in plain text or in JSON. */
async function refusal(answer: Response): Promise<Refused> {
  const words = await answer.text().catch(() => "");
  try {
    return new Refused(answer.status, text(object(JSON.parse(words)).message, words));
  } catch {
    return new Refused(answer.status, words.slice(0, 500).trim());
  }
}

/** Reads the stream to its end. Fails where the server refuses it, or the connection breaks. */
export async function listen(
  token: string,
  signal: AbortSignal,
  take: (kind: string, data: unknown) => void,
): Promise<void> {
  const answer = await fetch("api/live", { headers: headers(token), signal, cache: "no-store" });
  if (!answer.ok || !answer.body) throw await refusal(answer);
  const parser = createParser({ onEvent: ({ event, data }) => take(event ?? "", JSON.parse(data)) });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    parser.feed(value);
  }
}

/** A call of the service, as JSON over HTTP. */
export async function call(token: string, method: string, request: unknown): Promise<unknown> {
  const answer = await fetch(`../runtime_gym.env.v1.EnvironmentService/${method}`, {
    method: "POST",
    headers: { ...headers(token), "content-type": "application/json" },
    body: JSON.stringify(request),
    cache: "no-store",
  });
  if (!answer.ok) throw await refusal(answer);
  return answer.json();
}
