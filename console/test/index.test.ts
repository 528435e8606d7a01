import assert from "node:assert/strict";
import { test } from "node:test";

import { conditionKey, conditionName, conditions } from "../src/index/conditions.ts";
import { filtered, kindsIn, NO_FILTER } from "../src/index/filter.ts";
import { counterparts, pair } from "../src/index/pairs.ts";
import { type Row, readRow, rowOf } from "../src/index/row.ts";
import { readReport, readStudy } from "../src/index/study.ts";
import { readResult, readTrace } from "../src/trace/read.ts";
import { step, trace } from "./support/traces.ts";

function row(id: string, state: string, more: Record<string, unknown> = {}): Row {
  const [run, agent, task] = id.split("/");
  return readRow({ id, run, agent, task, family: "knapsack", interpreter_state: state, outcomes: "oo", ...more });
}
const rows = [
  row("p/x/task-10", "persistent", { solved: true, score: 1, written_tokens: 100 }),
  row("p/x/task-9", "persistent", { solved: false, score: 0.5, written_tokens: 50 }),
  row("r/x/task-9", "reset", {
    solved: false,
    score: 0,
    outcomes: "omm",
    missing_variables: 2,
    error_kinds: ["NameError"],
  }),
  row("r/y/task-9", "reset", { failed: true, error_kinds: ["KeyError", "NameError"] }),
];

test("rows are filtered and sorted", () => {
  const ids = (part: Partial<typeof NO_FILTER>) => filtered(rows, { ...NO_FILTER, ...part }).map(({ id }) => id);
  assert.deepEqual(ids({}), ["p/x/task-9", "r/x/task-9", "r/y/task-9", "p/x/task-10"]);
  assert.deepEqual(ids({ search: "TASK-9 y" }), ["r/y/task-9"]);
  assert.deepEqual(ids({ state: "reset", missing: true }), ["r/x/task-9"]);
  assert.deepEqual(ids({ ending: "failed" }), ["r/y/task-9"]);
  assert.deepEqual(ids({ kind: "none", ending: "unsolved" }), ["p/x/task-9"]);
  assert.deepEqual(ids({ condition: conditionKey({ run: "p", agent: "x" }) }), ["p/x/task-9", "p/x/task-10"]);
  assert.deepEqual(ids({ sort: "score", descending: true }), ["p/x/task-10", "p/x/task-9", "r/x/task-9", "r/y/task-9"]);
  assert.deepEqual(kindsIn(rows), ["NameError", "KeyError"]);
});

test("conditions sum their episodes", () => {
  const [first, second] = conditions(rows);
  assert.deepEqual(
    [first?.episodes, first?.solved, first?.score, first?.written, first?.state],
    [2, 1, 0.75, 75, "persistent"],
  );
  assert.deepEqual([second?.missing, second?.evaluated], [1, 1]);
  assert.equal(conditionName({ run: "runs/p", agent: "p" }), "p");
  assert.equal(conditionName({ run: "runs/p", agent: "x" }), "p / x");
});

test("an episode's pair is the same task under the other state", () => {
  const [, one, two] = rows as [Row, Row, Row, Row];
  assert.deepEqual(
    pair(two, rows)?.map(({ id }) => id),
    ["p/x/task-9", "r/x/task-9"],
  );
  assert.deepEqual(
    pair(one, rows)?.map(({ id }) => id),
    ["p/x/task-9", "r/x/task-9"],
  );
  assert.deepEqual(counterparts(one, rows).length, 2);
  const other = row("r/x/task-9", "reset", { task_sha256: "b" });
  assert.equal(pair({ ...one, taskSha256: "a" }, [one, other]), undefined);
});

test("a row of a dropped trace says what the server's says", () => {
  const read = readTrace(trace("reset", [step("a"), step("a", { error: "KeyError: 'a'" })]));
  const result = readResult({
    status: "completed",
    error: null,
    result: { is_solved: true, score: 1, metrics: { n: 2 } },
  });
  const made = rowOf("runs/r/results/x/knapsack/knapsack-1", read, result, 10);
  assert.deepEqual(
    [made.run, made.agent, made.outcomes, made.kinds, made.solved],
    ["runs/r", "x", "oe", ["KeyError"], true],
  );
});

test("a study and a report are read, and nothing else of a file", () => {
  assert.deepEqual(
    readStudy({ cells: [{ seed: 1, train: "base", runtime: "reset", run: null }, 3] }).cells[0]?.run,
    "",
  );
  const table = { kind: "table", caption: "c", header: ["a", 1], rows: [["b"], 2] };
  const sections = readReport({
    sections: [{ name: "main", title: "T", blocks: [table, { kind: "script", text: "x" }] }],
  });
  assert.deepEqual(sections[0]?.blocks, [{ kind: "table", caption: "c", header: ["a"], rows: [["b"], []] }]);
});
