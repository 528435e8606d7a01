/** Conditions: the episodes of one agent in one run. */

import type { State } from "../trace/model.ts";
import type { Row } from "./row.ts";

export interface Condition {
  /** Run and agent, as one key. */
  key: string;
  run: string;
  agent: string;
  /** The interpreter's state, if it is that of all episodes. */
  state: State;
  /** The model calls tools itself in all episodes. */
  callsTools: boolean;
  episodes: number;
  /** Episodes with an evaluation. */
  evaluated: number;
  solved: number;
  /** Mean score of those with an evaluation. */
  score: number | undefined;
  /** Episodes with a missing-variable error. */
  missing: number;
  /** Mean tokens that the model wrote. */
  written: number;
  turns: number;
  estimated: boolean;
}

/** The key of a row's condition. */
export function conditionKey(row: Pick<Row, "run" | "agent">): string {
  return `${row.run}\n${row.agent}`;
}

/** The conditions of rows, in the order of their runs and agents. */
export function conditions(rows: Iterable<Row>): Condition[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = conditionKey(row);
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return [...groups].map(([key, group]) => summed(key, group)).sort((a, b) => (a.key < b.key ? -1 : 1));
}

function summed(key: string, rows: Row[]): Condition {
  const first = rows[0] as Row;
  const scores = rows.flatMap((row) => (row.score === undefined ? [] : [row.score]));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    key,
    run: first.run,
    agent: first.agent,
    state: rows.every((row) => row.state === first.state) ? first.state : "",
    callsTools: rows.every((row) => row.callsTools),
    episodes: rows.length,
    evaluated: scores.length,
    solved: rows.filter((row) => row.solved === true).length,
    score: scores.length > 0 ? mean(scores) : undefined,
    missing: rows.filter((row) => row.missing > 0).length,
    written: mean(rows.map((row) => row.written)),
    turns: mean(rows.map((row) => row.outcomes.length)),
    estimated: rows.some((row) => row.estimated),
  };
}

/** A condition's name: the end of its run's path, and the agent where that says more. */
export function conditionName(condition: Pick<Condition, "run" | "agent">): string {
  const run = condition.run.split("/").at(-1) ?? "";
  if (run === "" || run === condition.agent) return condition.agent || "episodes";
  return condition.agent === "" ? run : `${run} / ${condition.agent}`;
}
