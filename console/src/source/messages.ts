/** What the page and its workers say to each other. */

import type { Row } from "../index/row.ts";
import type { Episode, Result } from "../trace/model.ts";

/** The files of an episode: on the server, or dropped on the page. */
export type Place =
  | { id: string; trace: string; result: string | undefined }
  | { id: string; trace: File; result: File | undefined };

export type Request = { key: number } & ({ kind: "open"; place: Place } | { kind: "rows"; places: Place[] });

export type Answer = { key: number } & (
  | { kind: "opened"; episode: Episode; result: Result | undefined; bytes: number }
  | { kind: "rows"; rows: Row[]; problems: string[] }
  | { kind: "failed"; error: string }
);

export type Opened = { episode: Episode; result: Result | undefined; bytes: number };
