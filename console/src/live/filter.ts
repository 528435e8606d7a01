/** Which live episodes are shown, and in which order. */

import type { LiveRow } from "./row.ts";

export type LiveSort = "created" | "task" | "tenant" | "state" | "steps" | "end" | "fuel" | "ran";

export interface LiveFilter {
  /** Words that the row has, in any order. */
  search: string;
  /** The interpreter's state; empty: all. */
  state: string;
  /** `running`, `ended` or empty. */
  ending: string;
  sort: LiveSort;
  descending: boolean;
}

export const NO_LIVE_FILTER: LiveFilter = { search: "", state: "", ending: "", sort: "created", descending: true };

/**
 * Rows in order. The order of before is where the next one begins, so it costs little while little has changed.
 */
export class Sorted {
  #before: LiveRow[] = [];

  /** The rows that pass, sorted. */
  of(rows: Map<string, LiveRow>, filter: LiveFilter): LiveRow[] {
    const words = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
    const passes = (row: LiveRow) =>
      (filter.state === "" || row.state === filter.state) &&
      (filter.ending === "" || (filter.ending === "running") === (row.end === "")) &&
      words.every((word) => row.words.includes(word));
    const sorted: LiveRow[] = [];
    const taken = new Set<string>();
    for (const { key } of this.#before) {
      const row = rows.get(key);
      if (row) taken.add(key);
      if (row && passes(row)) sorted.push(row);
    }
    for (const row of rows.values()) if (!taken.has(row.key) && passes(row)) sorted.push(row);
    sorted.sort(order(filter.sort, filter.descending));
    this.#before = sorted;
    return sorted;
  }
}

const TEXTS = new Intl.Collator("en", { numeric: true });

function order(sort: LiveSort, descending: boolean): (a: LiveRow, b: LiveRow) => number {
  const sign = descending ? -1 : 1;
  const tie = (a: LiveRow, b: LiveRow) => b.created - a.created || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  switch (sort) {
    case "created":
    case "steps":
    case "fuel":
    case "ran":
      return (a, b) => sign * (a[sort] - b[sort]) || tie(a, b);
    case "task":
    case "tenant":
    case "state":
    case "end":
      return (a, b) => (a[sort] === b[sort] ? 0 : sign * TEXTS.compare(a[sort], b[sort])) || tie(a, b);
  }
}
