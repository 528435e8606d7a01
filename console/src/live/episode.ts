/** An episode as the server describes it becomes one as traces are: what the server does not know, the model's words, is empty. */

import { type Json, list, object, someText, text, texts } from "../trace/json.ts";
import type { Episode, Result } from "../trace/model.ts";
import { readResult, readTrace } from "../trace/read.ts";

/** Where an episode stands, and its steps so far. */
export interface Described {
  /** The answer of `GetEpisode`, without its steps. */
  answer: Json;
  /** The records of its steps, in order. */
  records: Json[];
}

/** The index of a record's step. */
export function indexOf(record: Json): number {
  return number(object(record.request).stepIndex);
}

/** The index that the episode's next step must carry. */
export function nextOf({ answer }: Described): number {
  return number(object(answer.episode).nextStepIndex);
}

export function readEpisode({ answer, records }: Described): { episode: Episode; result: Result | undefined } {
  const summary = object(answer.episode);
  const task = object(summary.task);
  const observation = object(answer.observation);
  const evaluation = answer.evaluation === undefined ? undefined : object(answer.evaluation);
  const first = records[0] ? indexOf(records[0]) : 0;
  const steps = records.map(step);
  const episode = readTrace({
    started_at: text(summary.createdAt),
    provenance: {
      episode_id: text(summary.episodeId),
      task_id: text(task.taskId),
      family: text(task.family),
      task_sha256: text(task.publicSha256),
      interpreter_state: name(summary.interpreterState, "INTERPRETER_STATE_"),
      semantics: name(summary.semantics, "SEMANTICS_"),
      state_loss: summary.stateLoss,
      seeds: { episode: text(summary.seed) },
      limits: limits(object(answer.limits)),
      versions: {},
      agent: {},
    },
    summary: {
      task: [text(observation.goal), text(observation.publicJson)].filter((part) => part !== "").join("\n\n"),
      finish_reason: name(summary.endReason, "END_REASON_"),
      errors: first > 0 ? [`the server keeps the steps from ${first} on; those before are forgotten`] : [],
      token_usage: usage(steps.reduce((sum, one) => sum + text(one.assistant_text).length, 0)),
    },
    events: steps.map((data) => ({ type: "StepEvent", data })),
  });
  return { episode, result: evaluation && readResult({ result: evaluated(evaluation) }) };
}

/** A step as traces have it. */
function step(record: Json): Json {
  const request = object(record.request);
  const response = object(record.response);
  const observation = object(response.observation);
  const info = object(response.info);
  const code = object(request.code).code;
  const called = request.toolCalls === undefined ? undefined : list(object(request.toolCalls).calls).map(object);
  const written = called ? called.map((call) => text(call.argumentsJson)).join("\n") : text(code);
  return {
    assistant_text: written,
    ...(called
      ? {
          calls: called.map((call) => ({ name: text(call.name), arguments: text(call.argumentsJson) })),
          results: list(observation.toolResults).map(object).map(direct),
        }
      : {
          code: text(code),
          interpreter_result: {
            success: observation.success === true,
            output: text(observation.output),
            error_output: text(observation.errorOutput),
            error: someText(observation.error) ?? null,
          },
        }),
    token_usage: usage(written.length),
    info: {
      globals: texts(observation.globals),
      definitions: list(info.definitions),
      tool_calls: list(info.toolCalls).map(object).map(toolCall),
      budget_left: Object.fromEntries(
        Object.entries(object(info.budgetLeft)).map(([budget, left]) => [budget, number(left)]),
      ),
      run_time_us: seconds(info.runTime) * 1e6,
      state_lost: info.stateLost === true,
      ...(observation.errorKind === undefined ? {} : { error_kind: name(observation.errorKind, "ERROR_KIND_") }),
      ...(someText(observation.exceptionType) === undefined ? {} : { exception_type: text(observation.exceptionType) }),
    },
  };
}

/** What the agent wrote, as tokens: nobody but the agent has counted them. */
function usage(characters: number): Json {
  const tokens = Math.ceil(characters / 4);
  return { prompt_tokens: 0, completion_tokens: tokens, total_tokens: tokens, estimated: true };
}

function direct(result: Json): Json {
  const error = someText(result.error);
  return { tool: text(result.name), output: error === undefined ? text(result.resultJson) : `Error: ${error}` };
}

function toolCall(call: Json): Json {
  return {
    name: text(call.name),
    arguments: json(call.argumentsJson),
    result: json(call.resultJson),
    ...(someText(call.error) === undefined ? {} : { error: text(call.error) }),
  };
}

function limits(given: Json): Json {
  const named = Object.entries(given).map(([key, value]): [string, unknown] => {
    const snake = key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return key === "wallClockPerStep" ? [`${snake}_s`, seconds(value)] : [snake, number(value)];
  });
  return Object.fromEntries(named);
}

function evaluated(evaluation: Json): Json {
  return {
    is_solved: evaluation.isSolved === true,
    score: number(evaluation.score),
    metrics: json(evaluation.metricsJson),
  };
}

/** A value that is text in JSON; the text if it is none. */
function json(value: unknown): unknown {
  const written = text(value);
  try {
    return written === "" ? null : JSON.parse(written);
  } catch {
    return written;
  }
}

/** A number, which JSON has as text if it may be large. */
function number(value: unknown): number {
  const read = Number(value ?? 0);
  return Number.isFinite(read) ? read : 0;
}

/** A duration such as `0.25s`. */
function seconds(value: unknown): number {
  return number(text(value).replace(/s$/, ""));
}

/** The name of a value of an enumeration, without its beginning, in small letters; empty if it is not set. */
function name(value: unknown, beginning: string): string {
  const word = text(value).replace(beginning, "").toLowerCase();
  return word === "unspecified" ? "" : word;
}
