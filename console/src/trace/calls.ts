import { type Json, list, object, someText, text } from "./json.ts";
import type { Call } from "./model.ts";

/** A turn's calls of tools: those that the model wrote (ReAct), or those that its code made. */
export function calls(step: Json): Call[] {
  const results = step.results;
  if (Array.isArray(results)) {
    const written = list(step.calls).map(object);
    return results.map(object).map((result, index) => {
      const answer = text(result.output);
      const call = written[index];
      return {
        tool: text(call?.name) || text(result.tool),
        arguments: call ? writtenArguments(text(call.arguments)) : "",
        answer,
        failed: call !== undefined && answer.startsWith("Error: "),
      };
    });
  }
  return list(object(step.info).tool_calls)
    .map(object)
    .map((call) => {
      const error = someText(call.error);
      const result = call.result;
      return {
        tool: text(call.name),
        arguments: argumentsOf(call.arguments),
        answer: error ?? (typeof result === "string" ? result : python(result)),
        failed: error !== undefined,
      };
    });
}

/** How often each tool is called, in the order of the first calls. */
export function callCounts(calls: Call[]): [tool: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { tool } of calls) counts.set(tool, (counts.get(tool) ?? 0) + 1);
  return [...counts];
}

/** Arguments as a model wrote them, as JSON; as they are if they are malformed. */
function writtenArguments(written: string): string {
  try {
    return argumentsOf(JSON.parse(written));
  } catch {
    return written;
  }
}

function argumentsOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(python).join(", ");
  if (typeof value !== "object") return python(value);
  return Object.entries(value)
    .map(([key, one]) => `${key}=${python(one)}`)
    .join(", ");
}

/** A value as Python writes it, as far as JSON differs at the top. */
function python(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return JSON.stringify(value);
}
