/** Reads traces beside the page, so that the page stays quick while they are large. */

import { rowOf } from "../index/row.ts";
import { readResult, readTrace } from "../trace/read.ts";
import type { Answer, Opened, Place, Request } from "./messages.ts";

/** The content of a file, and its size. */
async function read(from: string | File): Promise<{ content: unknown; bytes: number }> {
  // The content never becomes a text of its own, which would cost time and memory.
  if (typeof from !== "string") return { content: await new Response(from).json(), bytes: from.size };
  const answer = await fetch(from);
  if (!answer.ok) throw new Error((await answer.text()).slice(0, 500) || `the server answered ${answer.status}`);
  return { content: await answer.json(), bytes: Number(answer.headers.get("content-length")) };
}

async function open(place: Place): Promise<Opened> {
  // A trace without a result is shown too: its score is unknown.
  const result = place.result === undefined ? undefined : read(place.result).then(({ content }) => readResult(content));
  const known = result?.catch(() => undefined);
  const { content, bytes } = await read(place.trace);
  return { episode: readTrace(content), result: await known, bytes };
}

async function rows(places: Place[]): Promise<Omit<Extract<Answer, { kind: "rows" }>, "key">> {
  const [rows, problems] = [[], []] as [ReturnType<typeof rowOf>[], string[]];
  for (const place of places) {
    try {
      const { episode, result, bytes } = await open(place);
      rows.push(rowOf(place.id, episode, result, bytes));
    } catch (error) {
      problems.push(`${place.id}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { kind: "rows", rows, problems };
}

async function answer(request: Request): Promise<Answer> {
  const { key } = request;
  try {
    if (request.kind === "rows") return { key, ...(await rows(request.places)) };
    return { key, kind: "opened", ...(await open(request.place)) };
  } catch (error) {
    return { key, kind: "failed", error: error instanceof Error ? error.message : String(error) };
  }
}

self.addEventListener("message", async ({ data }: MessageEvent<Request>) => self.postMessage(await answer(data)));
