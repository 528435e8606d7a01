/** The program that serves this page, if it serves episodes too. */

import { type Row, readRow } from "../index/row.ts";
import { count, flag, list, object, text, texts } from "../trace/json.ts";
import type { Place } from "./messages.ts";

export interface Study {
  id: string;
  title: string;
}

/** What has been read of the index. */
export interface IndexPart {
  rows: Row[];
  /** Traces that were found. */
  found: number;
  done: boolean;
  studies: Study[];
  problems: string[];
}

/** Reads the index from a row on; nothing if there is no index here. */
export async function readIndex(from: number): Promise<IndexPart | undefined> {
  const answer = await fetch(`api/index?from=${from}`).catch(() => undefined);
  if (!answer?.ok || !answer.headers.get("content-type")?.includes("json")) return undefined;
  const part = object(await answer.json());
  return {
    rows: list(part.rows).map(readRow),
    found: count(part.found),
    done: flag(part.done),
    studies: list(part.studies)
      .map(object)
      .map((study) => ({ id: text(study.id), title: text(study.title) })),
    problems: texts(part.problems),
  };
}

/** The files of an episode. Workers need whole addresses. */
export function placeOf(id: string): Place {
  const address = (kind: string) => new URL(`api/${kind}?id=${encodeURIComponent(id)}`, document.baseURI).href;
  return { id, trace: address("trace"), result: address("result") };
}

/** Reads something about a study, as JSON. */
export async function readOfStudy(kind: "study" | "report", id: string): Promise<unknown> {
  const answer = await fetch(`api/${kind}?id=${encodeURIComponent(id)}`);
  if (!answer.ok) throw new Error((await answer.text()).slice(0, 500));
  return answer.json();
}

/** The address of a study's figure. */
export function figureAddress(study: string, name: string): string {
  return `api/figure?id=${encodeURIComponent(study)}&name=${encodeURIComponent(name)}`;
}
