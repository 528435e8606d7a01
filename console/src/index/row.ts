/** An episode as a row of the list. */

import { count, flag, object, someNumber, text, texts } from "../trace/json.ts";
import type { Episode, Result, State } from "../trace/model.ts";
import { stateOf } from "../trace/read.ts";

export interface Row {
  /** The path of its files, without their endings. */
  id: string;
  /** The run's folder. */
  run: string;
  agent: string;
  task: string;
  family: string;
  /** SHA-256 of the task's public data; empty if it is not known. */
  taskSha256: string;
  state: State;
  callsTools: boolean;
  model: string;
  /** The machinery failed, not the agent. */
  failed: boolean;
  solved?: boolean;
  score?: number;
  finishReason: string;
  /** The outcome of each turn, as a letter. */
  outcomes: string;
  /** Turns that missed a variable. */
  missing: number;
  /** Kinds of the errors of its turns, each once. */
  kinds: string[];
  /** Tokens that the model wrote. */
  written: number;
  /** All tokens, summed over turns. */
  tokens: number;
  estimated: boolean;
  bytes: number;
  startedAt: string;
}

/** A row as the server writes it. */
export function readRow(value: unknown): Row {
  const row = object(value);
  const score = someNumber(row.score);
  return {
    id: text(row.id),
    run: text(row.run),
    agent: text(row.agent),
    task: text(row.task),
    family: text(row.family),
    taskSha256: text(row.task_sha256),
    state: stateOf(row.interpreter_state),
    callsTools: flag(row.calls_tools),
    model: text(row.model),
    failed: flag(row.failed),
    ...(typeof row.solved === "boolean" ? { solved: row.solved } : {}),
    ...(score === undefined ? {} : { score }),
    finishReason: text(row.finish_reason),
    outcomes: text(row.outcomes),
    missing: count(row.missing_variables),
    kinds: texts(row.error_kinds),
    written: count(row.written_tokens),
    tokens: count(row.all_tokens),
    estimated: flag(row.estimated),
    bytes: count(row.bytes),
    startedAt: text(row.started_at),
  };
}

/** The row of an episode that the page has read itself. `id` is the path of its files. */
export function rowOf(id: string, episode: Episode, result: Result | undefined, bytes: number): Row {
  const outcomes = episode.turns.map((turn) => turn.outcome).join("");
  const place = placeOf(id);
  return {
    id,
    run: place.run,
    agent: place.agent || episode.agent,
    task: episode.taskId || (id.split("/").at(-1) ?? id),
    family: episode.family,
    taskSha256: episode.taskSha256,
    state: episode.state,
    callsTools: episode.callsTools,
    model: episode.model,
    failed: result?.failed ?? false,
    ...(result?.solved === undefined ? {} : { solved: result.solved }),
    ...(result?.score === undefined ? {} : { score: result.score }),
    finishReason: episode.finishReason,
    outcomes,
    missing: outcomes.replaceAll(/[^m]/g, "").length,
    kinds: [...new Set(episode.turns.flatMap((turn) => (turn.failure ? [turn.failure.kind] : [])))],
    written: episode.tokens.written,
    tokens: episode.tokens.total,
    estimated: episode.tokens.estimated,
    bytes,
    startedAt: episode.startedAt,
  };
}

/** The run and the agent of an episode, from `<run>/results/<agent>/<family>/<name>`; outside of such folders, its own one. */
function placeOf(id: string): { run: string; agent: string } {
  const parts = id.split("/");
  if (parts.at(-4) === "results") return { run: parts.slice(0, -4).join("/"), agent: parts.at(-3) ?? "" };
  return { run: parts.slice(0, -1).join("/"), agent: "" };
}
