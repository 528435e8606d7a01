/** Which rows are shown, and in which order. */

import { conditionKey } from "./conditions.ts";
import type { Row } from "./row.ts";

export interface Filter {
  /** Words that the row has, in any order. */
  search: string;
  /** A condition's key; empty: all. */
  condition: string;
  state: string;
  /** `solved`, `unsolved`, `failed` or empty. */
  ending: string;
  /** Kind of an error; `none`: without errors. */
  kind: string;
  /** Only with a missing-variable error. */
  missing: boolean;
  sort: Sort;
  descending: boolean;
}

export type Sort = "task" | "agent" | "state" | "score" | "turns" | "missing" | "written";

export const NO_FILTER: Filter = {
  search: "",
  condition: "",
  state: "",
  ending: "",
  kind: "",
  missing: false,
  sort: "task",
  descending: false,
};

/** The rows that pass, sorted. Rows without a value are last. */
export function filtered(rows: Row[], filter: Filter): Row[] {
  const words = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
  const passing = rows.filter((row) => passes(row, filter, words));
  const sign = filter.descending ? -1 : 1;
  const order = new Intl.Collator("en", { numeric: true });
  return passing.sort((a, b) => {
    const [x, y] = [value(a, filter.sort), value(b, filter.sort)];
    if (x === undefined || y === undefined) return (x === undefined ? 1 : 0) - (y === undefined ? 1 : 0);
    const by = typeof x === "number" && typeof y === "number" ? x - y : order.compare(String(x), String(y));
    return by !== 0 ? sign * by : order.compare(a.id, b.id);
  });
}

function passes(row: Row, filter: Filter, words: string[]): boolean {
  if (filter.condition !== "" && conditionKey(row) !== filter.condition) return false;
  if (filter.state !== "" && (row.state || "none") !== filter.state) return false;
  if (filter.missing && row.missing === 0) return false;
  if (filter.ending !== "" && ending(row) !== filter.ending) return false;
  if (filter.kind === "none" ? row.kinds.length > 0 : filter.kind !== "" && !row.kinds.includes(filter.kind))
    return false;
  if (words.length === 0) return true;
  const all = `${row.task} ${row.agent} ${row.run} ${row.model} ${row.finishReason}`.toLowerCase();
  return words.every((word) => all.includes(word));
}

/** How a row's episode ended. */
export function ending(row: Row): "failed" | "solved" | "unsolved" | "unknown" {
  if (row.failed) return "failed";
  if (row.solved === undefined) return "unknown";
  return row.solved ? "solved" : "unsolved";
}

function value(row: Row, sort: Sort): string | number | undefined {
  switch (sort) {
    case "turns":
      return row.outcomes.length;
    case "score":
    case "missing":
    case "written":
    case "task":
    case "agent":
    case "state":
      return row[sort];
  }
}

/** The kinds of errors in rows, the most frequent first. */
export function kindsIn(rows: Iterable<Row>): string[] {
  const counts = new Map<string, number>();
  for (const row of rows) for (const kind of row.kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([kind]) => kind);
}
