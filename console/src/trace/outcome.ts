import { flag, type Json, object, someText } from "./json.ts";
import type { Outcome } from "./model.ts";

/** Python's exceptions for a name that has no value. */
export const MISSING = ["NameError", "UnboundLocalError"];

/** The outcome of a step. `stopped` is the finish reason of its model call, if the trace has it. */
export function outcome(step: Json, stopped: string | undefined): Outcome {
  const ran = (step.interpreter_result ?? step.results ?? undefined) !== undefined;
  if (!ran) return stopped !== undefined && stopped !== "stop" ? "c" : "n";
  if (missesVariable(step)) return "m";
  return isFailing(step) ? "e" : "o";
}

/** Whether a step's code ended in a missing-variable error: by the exception's type, else by the error's last line. */
export function missesVariable(step: Json): boolean {
  const recorded = object(step.info).exception_type;
  const error = someText(object(step.interpreter_result).error);
  const name = typeof recorded === "string" ? recorded : error?.trimEnd().split("\n").at(-1)?.split(":")[0];
  return name !== undefined && MISSING.includes(name);
}

function isFailing(step: Json): boolean {
  const result = step.interpreter_result;
  return typeof step.error === "string" || (result !== undefined && result !== null && !flag(object(result).success));
}
