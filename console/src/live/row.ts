/** A live episode as a row. */

import type { Row } from "../index/row.ts";
import { count, object, text } from "../trace/json.ts";
import type { State } from "../trace/model.ts";
import { stateOf } from "../trace/read.ts";

export interface LiveRow {
  /** Its id and its tenant: two tenants may use one id. */
  key: string;
  id: string;
  tenant: string;
  task: string;
  set: string;
  family: string;
  taskSha256: string;
  state: State;
  seed: string;
  /** Milliseconds since 1970. */
  created: number;
  forkedFrom: string;
  /** Steps that were taken; the index of the next one. */
  steps: number;
  /** Why it ended; empty if it runs. */
  end: string;
  fuel: number;
  /** Seconds that its steps ran. */
  ran: number;
  /** What a search looks through. */
  words: string;
}

/** The key of an episode as the server names it. */
export function keyOf(value: unknown): string {
  const row = object(value);
  return `${text(row.id)}\n${text(row.tenant)}`;
}

/** A row as the server writes it. */
export function readLiveRow(value: unknown): LiveRow {
  const row = object(value);
  const [id, tenant] = [text(row.id), text(row.tenant)];
  const [task, set, family, state] = [text(row.task), text(row.set), text(row.family), stateOf(row.state)];
  const forkedFrom = text(row.forked_from);
  return {
    key: keyOf(row),
    id,
    tenant,
    task,
    set,
    family,
    taskSha256: text(row.task_sha256),
    state,
    seed: text(row.seed),
    created: count(row.created_ms),
    forkedFrom,
    words: [id, tenant, task, set, family, state, forkedFrom].join(" ").toLowerCase(),
    ...standing(row),
  };
}

/** A row that has moved. */
export function moved(row: LiveRow, value: unknown): LiveRow {
  return { ...row, ...standing(value) };
}

function standing(value: unknown): Pick<LiveRow, "steps" | "end" | "fuel" | "ran"> {
  const at = object(value);
  return { steps: count(at.steps), end: text(at.end), fuel: count(at.fuel), ran: count(at.run_us) / 1e6 };
}

/** The row as those of traces are. What only a trace knows is empty. */
export function asRow(live: LiveRow): Row {
  return {
    id: live.id,
    run: live.tenant,
    agent: live.id.slice(0, 24),
    task: live.task,
    family: live.family,
    taskSha256: live.taskSha256,
    state: live.state,
    callsTools: false,
    model: "",
    failed: false,
    finishReason: live.end,
    outcomes: "",
    missing: 0,
    kinds: [],
    written: 0,
    tokens: 0,
    estimated: true,
    bytes: 0,
    startedAt: new Date(live.created).toISOString(),
  };
}
