/** Workers that read traces. */

import type { Answer, Opened, Place, Request } from "./messages.ts";
import url from "./worker.ts?worker&url";

type Policy = { createScriptURL(url: string): string };
type Policies = { createPolicy(name: string, rules: Policy): Policy };

/** The page's policy lets only this name make addresses of scripts. */
const policies = (globalThis as { trustedTypes?: Policies }).trustedTypes;
const policy = policies?.createPolicy("console-worker", { createScriptURL: (known) => known });

const COUNT = Math.min(4, Math.max(1, navigator.hardwareConcurrency || 1));
const workers: Worker[] = [];
const waiting = new Map<number, (answer: Answer) => void>();
let sent = 0;

/** Each call goes to the next worker. */
function ask(request: { kind: "open"; place: Place } | { kind: "rows"; places: Place[] }): Promise<Answer> {
  const key = sent++;
  const worker = workers[key % COUNT] ?? start();
  return new Promise((resolve) => {
    waiting.set(key, resolve);
    worker.postMessage({ key, ...request } satisfies Request);
  });
}

function start(): Worker {
  const worker = new Worker(policy?.createScriptURL(url) ?? url, { type: "module" });
  worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
    waiting.get(data.key)?.(data);
    waiting.delete(data.key);
  });
  workers.push(worker);
  return worker;
}

/** Starts a worker, so that the first episode does not wait for it. */
export function warm(): void {
  if (workers.length === 0) start();
}

/** Reads an episode. */
export async function open(place: Place): Promise<Opened> {
  const answer = await ask({ kind: "open", place });
  if (answer.kind !== "opened") throw new Error(answer.kind === "failed" ? answer.error : "no episode");
  return answer;
}

/** Reads the rows of episodes, some at a time. */
export async function readRows(
  places: Place[],
  take: (rows: Extract<Answer, { kind: "rows" }>) => void,
  atATime = 25,
): Promise<void> {
  const parts = Array.from({ length: Math.ceil(places.length / atATime) }, (_, part) =>
    places.slice(part * atATime, (part + 1) * atATime),
  );
  await Promise.all(
    parts.map(async (part) => {
      const answer = await ask({ kind: "rows", places: part });
      if (answer.kind === "rows") take(answer);
    }),
  );
}
