import type { Json } from "../../src/trace/json.ts";

/** A step of Python with the names that are there at its end, and the values that it bound. */
export function step(
  code: string,
  names: { globals?: string[]; bound?: Record<string, string>; lost?: boolean; error?: string } = {},
): Json {
  const { globals = [], bound = {}, lost = false, error } = names;
  return {
    assistant_text: `Now.\n\n\`\`\`python\n${code}\n\`\`\``,
    code,
    interpreter_result: { success: error === undefined, result: null, output: "", error: error ?? null },
    token_usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
    info: {
      globals,
      definitions: Object.entries(bound).map(([name, digest]) => ({ name, digest })),
      tool_calls: [],
      ...(error === undefined
        ? {}
        : { error_kind: "exception", exception_type: error.split("\n").at(-1)?.split(":")[0] }),
      ...(lost ? { state_lost: true } : {}),
      budget_left: {},
    },
  };
}

/** A trace of these steps. */
export function trace(state: string, steps: Json[], agent: Json = {}): Json {
  return {
    started_at: "2026-01-01T00:00:00Z",
    finished_at: "2026-01-01T00:01:30Z",
    provenance: {
      task_id: "knapsack-1",
      family: "knapsack",
      interpreter_state: state,
      agent: { name: "one", ...agent },
    },
    summary: {
      task: "Pack.",
      num_steps: steps.length,
      finish_reason: "finish_tool",
      token_usage: { completion_tokens: 20 },
    },
    events: steps.flatMap((data, index) => [
      { type: "ModelCallEvent", data: { timestamp: `2026-01-01T00:00:0${index}Z` }, timestamp: "" },
      {
        type: "ModelResponseEvent",
        data: { timestamp: `2026-01-01T00:00:0${index}.5Z`, finish_reason: "stop" },
        timestamp: "",
      },
      { type: "StepEvent", data, timestamp: `2026-01-01T00:00:0${index + 1}Z` },
    ]),
  };
}
