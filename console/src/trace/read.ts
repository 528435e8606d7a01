/** A trace file becomes an episode. Whatever the file holds, reading it does not fail. */

import { Spent } from "./budgets.ts";
import { calls } from "./calls.ts";
import { failure } from "./failure.ts";
import { count, flag, type Json, list, object, someNumber, someText, text, texts } from "./json.ts";
import type { Episode, Result, State, Tokens, Turn } from "./model.ts";
import { isBoundAgain, Namespace } from "./names.ts";
import { outcome } from "./outcome.ts";
import { rewritten } from "./rewritten.ts";
import { said } from "./words.ts";

/** The episode of a trace. */
export function readTrace(trace: unknown): Episode {
  const whole = object(trace);
  const origin = object(whole.provenance);
  const agent = object(origin.agent);
  const versions = object(origin.versions);
  const summary = object(whole.summary);
  const callsTools = agent.agent_type === "react";
  const state = stateOf(origin.interpreter_state);
  const ends = seconds(whole.started_at, whole.finished_at);
  return {
    taskId: text(origin.task_id),
    family: text(origin.family),
    taskSha256: text(origin.task_sha256),
    agent: text(agent.name),
    model: text(versions.model),
    state,
    callsTools,
    semantics: text(origin.semantics),
    stateLoss: someNumber(origin.state_loss) ?? 0,
    task: text(summary.task),
    systemPrompts: texts(summary.system_prompts),
    finishReason: text(summary.finish_reason),
    errors: texts(summary.errors),
    tokens: tokens(summary.token_usage),
    ...(ends === undefined ? {} : { seconds: ends }),
    startedAt: text(whole.started_at),
    facts: facts(origin, versions),
    turns: new Turns(state, callsTools, origin, whole.started_at).read(list(whole.events)),
  };
}

/** How an episode ended, from its result file. */
export function readResult(result: unknown): Result {
  const whole = object(result);
  const evaluation = object(whole.result);
  const score = someNumber(evaluation.score);
  return {
    failed: whole.status === "failed",
    error: text(whole.error),
    ...(typeof evaluation.is_solved === "boolean" ? { solved: evaluation.is_solved } : {}),
    ...(score === undefined ? {} : { score }),
    metrics: Object.entries(object(evaluation.metrics)).map(([name, value]) => [name, shown(value)]),
  };
}

/** The events of a trace become turns. */
class Turns {
  readonly #callsTools: boolean;
  readonly #startedAt: unknown;
  readonly #state: State;
  readonly #names: Namespace;
  readonly #spent: Spent;
  /** The turn's call of the model and the answer, so far. */
  #call: Json | undefined;
  #response: Json | undefined;
  readonly #turns: Turn[] = [];

  constructor(state: State, callsTools: boolean, origin: Json, startedAt: unknown) {
    this.#state = state;
    this.#callsTools = callsTools;
    this.#startedAt = startedAt;
    this.#names = new Namespace(state);
    this.#spent = new Spent(origin);
  }

  read(events: unknown[]): Turn[] {
    for (const event of events.map(object)) {
      const data = object(event.data);
      switch (event.type) {
        case "ModelCallEvent":
          this.#call = data;
          this.#response = undefined;
          break;
        case "ModelResponseEvent":
          this.#response = data;
          break;
        case "StepEvent":
          this.#turns.push(this.#turn(data, event.timestamp));
          this.#call = this.#response = undefined;
          break;
      }
    }
    return this.#turns;
  }

  #turn(step: Json, endedAt: unknown): Turn {
    const number = this.#turns.length + 1;
    const [call, response] = [this.#call, this.#response];
    const info = object(step.info);
    const code = typeof step.code === "string" ? step.code.trimEnd() : undefined;
    const callsTools = this.#callsTools || Array.isArray(step.results);
    const failed = failure(step);
    const runsCode = code !== undefined && !callsTools && this.#state !== "" && step.info !== undefined;
    const names = runsCode ? this.#names.after(number, info) : undefined;
    const name = failed?.missingName;
    const answer = text(step.assistant_text);
    const spoken = said(answer, code, text(response?.reasoning));
    const used = tokens(step.token_usage);
    const again = new Set(names?.names.filter(isBoundAgain).map((one) => one.name));
    const stopped = someText(response?.finish_reason);
    const result = object(step.interpreter_result);
    const seen = someNumber(object(response?.tokens).seen);
    const modelSeconds = seconds(call?.timestamp, response?.timestamp);
    const runTime = someNumber(info.run_time_us);
    return {
      number,
      outcome: outcome(step, stopped),
      ...spoken,
      code: code ?? "",
      calls: calls(step),
      callsTools,
      output: text(result.output),
      errorOutput: text(result.error_output),
      ...(failed ? { failure: failed } : {}),
      ...(name !== undefined && this.#state !== "" ? { missing: this.#names.missing(name) } : {}),
      stateLost: flag(info.state_lost),
      ...(names ? { names } : {}),
      budgets: this.#spent.after(step, seconds(this.#startedAt, endedAt)),
      tokens: used,
      rewritten: rewritten(answer, code ?? "", again, used.written),
      ...(seen === undefined ? {} : { seen }),
      cached: flag(response?.cached),
      ...(stopped === undefined || stopped === "stop" ? {} : { cut: stopped }),
      ...(modelSeconds === undefined ? {} : { modelSeconds }),
      ...(runTime === undefined ? {} : { stepSeconds: runTime / 1e6 }),
    };
  }
}

export function stateOf(value: unknown): State {
  return value === "persistent" || value === "reset" ? value : "";
}

function tokens(value: unknown): Tokens {
  const usage = object(value);
  return {
    prompt: count(usage.prompt_tokens),
    written: count(usage.completion_tokens),
    total: count(usage.total_tokens),
    estimated: flag(usage.estimated),
  };
}

/** Seconds from one time (RFC 3339) to another; nothing if one of them is not a time. */
function seconds(from: unknown, to: unknown): number | undefined {
  const between = (Date.parse(text(to)) - Date.parse(text(from))) / 1000;
  return Number.isFinite(between) ? Math.max(0, between) : undefined;
}

function facts(origin: Json, versions: Json): [string, string][] {
  const pairs = (value: unknown) => Object.entries(object(value)).map(([name, one]) => `${name} ${shown(one)}`);
  const program = (name: string) =>
    [text(versions[name]), text(versions[`${name}_commit`]).slice(0, 10)].join(" ").trim();
  const rows: [string, string][] = [
    ["episode", text(origin.episode_id)],
    ["seeds", pairs(origin.seeds).join(", ")],
    ["limits", pairs(origin.limits).join(", ")],
    ["agent", program("agent")],
    ["env-server", program("env_server")],
    ["Python", text(versions.python)],
    ["interpreter", text(versions.interpreter_sha256).slice(0, 12)],
    ["adapter", text(versions.adapter_sha256).slice(0, 12)],
  ];
  return rows.filter(([, value]) => value !== "");
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
