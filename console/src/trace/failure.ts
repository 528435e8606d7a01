import { type Json, object, someText } from "./json.ts";
import type { Failure } from "./model.ts";
import { MISSING } from "./outcome.ts";

/** Why a step failed; nothing if it did not. */
export function failure(step: Json): Failure | undefined {
  const info = object(step.info);
  const recorded = someText(info.exception_type) ?? someText(info.error_kind);
  const ran = object(step.interpreter_result).error;
  const error = typeof ran === "string" ? ran : step.error;
  if (typeof error !== "string" && recorded === undefined) return undefined;
  const whole = typeof error === "string" ? error.trimEnd() : "";
  const end = whole.lastIndexOf("\n");
  const last = whole.slice(end + 1);
  const kind = recorded ?? (typeof ran === "string" ? kindIn(last) : "not run");
  const line = lineOf(whole);
  const missingName = MISSING.includes(kind) ? last.split("'")[1] : undefined;
  return {
    kind,
    before: end < 0 ? "" : whole.slice(0, end),
    last,
    ...(line === undefined ? {} : { line }),
    ...(missingName === undefined ? {} : { missingName }),
  };
}

/** The exception in the last line of a traceback, such as `KeyError` in `KeyError: 'a'`. */
function kindIn(line: string): string {
  const name = line.split(":", 1)[0]?.trim() ?? "";
  return /^[\p{L}\p{N}_.]+$/u.test(name) ? name : "error";
}

/** The line in the first frame of a traceback: the turn's own code, where it called others. */
function lineOf(traceback: string): number | undefined {
  const number = /^\s*File "<[^\n]*?, line (\d{1,9})/m.exec(traceback)?.[1];
  return number === undefined ? undefined : Number(number);
}
