/** A study, and its report. */

import { list, object, someNumber, text, texts } from "../trace/json.ts";
import type { State } from "../trace/model.ts";
import { stateOf } from "../trace/read.ts";

export interface StudyCell {
  seed: number;
  /** The adapter, or `base`. */
  train: string;
  runtime: State;
  tasks: string;
  /** The run of its episodes, as in their rows. */
  run: string;
}

export interface StudyFile {
  title: string;
  commit: string;
  machine: string;
  startedAt: string;
  cells: StudyCell[];
}

export type Block =
  | { kind: "heading"; text: string }
  | { kind: "paragraph"; lead: string; text: string }
  | { kind: "note"; text: string }
  | { kind: "list"; lead: string; items: string[] }
  | { kind: "code"; title: string; text: string }
  | { kind: "figure"; name: string; caption: string }
  | { kind: "table"; caption: string; header: string[]; rows: string[][] };

export interface Section {
  name: string;
  title: string;
  blocks: Block[];
}

/** A study as the server writes it. */
export function readStudy(value: unknown): StudyFile {
  const study = object(value);
  return {
    title: text(study.title),
    commit: text(study.commit),
    machine: text(object(study.machine).processor),
    startedAt: text(study.started_at),
    cells: list(study.cells)
      .map(object)
      .map((cell) => ({
        seed: someNumber(cell.seed) ?? 0,
        train: text(cell.train),
        runtime: stateOf(cell.runtime),
        tasks: text(cell.tasks),
        run: text(cell.run),
      })),
  };
}

/** The sections of a report as the server writes it. */
export function readReport(value: unknown): Section[] {
  return list(object(value).sections)
    .map(object)
    .map((section) => ({
      name: text(section.name),
      title: text(section.title),
      blocks: list(section.blocks).flatMap((block) => readBlock(object(block)) ?? []),
    }));
}

function readBlock(block: Record<string, unknown>): Block | undefined {
  const [lead, words, caption] = [text(block.lead), text(block.text), text(block.caption)];
  switch (block.kind) {
    case "heading":
    case "note":
      return { kind: block.kind, text: words };
    case "paragraph":
      return { kind: "paragraph", lead, text: words };
    case "list":
      return { kind: "list", lead, items: texts(block.items) };
    case "code":
      return { kind: "code", title: text(block.title), text: words };
    case "figure":
      return { kind: "figure", name: text(block.name), caption };
    case "table":
      return { kind: "table", caption, header: texts(block.header), rows: list(block.rows).map(texts) };
    default:
      return undefined;
  }
}
