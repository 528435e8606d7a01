import { count, type Json, list, object, someNumber } from "./json.ts";
import type { Budget } from "./model.ts";

/** What an episode has used up so far. */
export class Spent {
  readonly #limits: Json;
  readonly #agent: Json;
  #turns = 0;
  #tokens = 0;
  /** What was left of the task's budgets after the last step. */
  readonly #task = new Map<string, number>();

  constructor(provenance: Json) {
    this.#limits = object(provenance.limits);
    this.#agent = object(provenance.agent);
  }

  /** The budgets after a turn; `seconds` is the time since the episode began. */
  after(step: Json, seconds: number | undefined): Budget[] {
    const tokens = count(object(step.token_usage).total_tokens);
    this.#turns += 1;
    this.#tokens += tokens;
    const turns = someNumber(this.#agent.max_turns) ?? someNumber(this.#limits.max_steps);
    const budgets = [counted("turns", 1, this.#turns, turns)];
    const info = step.info;
    if (typeof info === "object" && info !== null) {
      const calls = list(object(info).tool_calls).length;
      const most = someNumber(this.#limits.tool_calls_per_step);
      budgets.push({ ...counted("tool calls", calls, calls, most), ofStep: true });
      for (const [name, left] of Object.entries(object(object(info).budget_left))) {
        if (typeof left === "number") budgets.push(this.#ofTask(name, left));
      }
    }
    budgets.push(counted("tokens", tokens, this.#tokens, someNumber(this.#agent.max_total_tokens)));
    if (seconds !== undefined) {
      budgets.push({ ...limited("time", seconds, someNumber(this.#agent.timeout_s)), isTime: true });
    }
    return budgets;
  }

  /** A budget of the task. What the first step used is not known. */
  #ofTask(name: string, left: number): Budget {
    const before = this.#task.get(name);
    this.#task.set(name, left);
    return { name, left, ...(before === undefined ? {} : { here: before - left }) };
  }
}

function counted(name: string, here: number, used: number, limit: number | undefined): Budget {
  return { ...limited(name, used, limit), here };
}

function limited(name: string, used: number, limit: number | undefined): Budget {
  return { name, used, ...(limit === undefined ? {} : { left: Math.max(0, limit - used) }) };
}

/** The used share, 0 to 1, if both it and the limit are known. */
export function share({ used, left }: Budget): number | undefined {
  return used === undefined || left === undefined || used + left <= 0 ? undefined : used / (used + left);
}
