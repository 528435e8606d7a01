import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { object } from "../src/trace/json.ts";
import { readResult, readTrace } from "../src/trace/read.ts";
import { step, trace } from "./support/traces.ts";

const RECORDED = join(import.meta.dirname, "../../tests/fixtures/runs");
const missing =
  "Traceback (most recent call last):\n  File \"<string>\", line 3, in <module>\nNameError: name 'a' is not defined";

test("a resetting interpreter's names are gone after each step, and a missing one has its turn", () => {
  const { turns, state, seconds } = readTrace(
    trace("reset", [
      step("a = 1", { bound: { a: "1" } }),
      step("print(a)", { error: missing }),
      step("a = 1", { bound: { a: "1" } }),
    ]),
  );
  assert.deepEqual([state, seconds], ["reset", 90]);
  assert.deepEqual(
    turns.map((turn) => turn.outcome),
    ["o", "m", "o"],
  );
  assert.deepEqual(turns[1]?.missing, { name: "a", turn: 1, why: "the reset after that step took it away" });
  assert.deepEqual([turns[1]?.failure?.kind, turns[1]?.failure?.line], ["NameError", 3]);
  assert.deepEqual(turns[2]?.names, { lost: [], names: [{ name: "a", fate: "again", equal: true }], taken: true });
  assert.equal(turns[0]?.rewritten, 0);
  assert.equal(turns[2]?.rewritten, Math.round((20 * "a = 1".length) / "Now.\n\n```python\na = 1\n```".length));
});

test("a persistent interpreter keeps names until they are deleted or lost", () => {
  const { turns } = readTrace(
    trace("persistent", [
      step("a = b = 1", { globals: ["a", "b"], bound: { a: "1", b: "1" } }),
      step("a = 2; b = 1", { globals: ["a", "b"], bound: { a: "2", b: "1" } }),
      step("del b", { globals: ["a"] }),
      step("b = 1", { globals: ["b"], bound: { b: "1" }, lost: true }),
      step("a", { globals: ["b"], error: missing }),
    ]),
  );
  const fates = turns.map((turn) => turn.names?.names.map((one) => `${one.name} ${one.fate}`).join(", "));
  assert.deepEqual(fates, ["a new, b new", "a changed, b same", "a kept, b deleted", "b again", "b kept"]);
  assert.deepEqual([turns[3]?.names?.lost, turns[3]?.stateLost], [["a"], true]);
  assert.deepEqual(turns[4]?.missing, { name: "a", turn: 2, why: "it was lost with the interpreter's state" });
});

test("a turn has its words, thoughts, times and budgets", () => {
  const said = { ...step("x = 1"), assistant_text: "<think>Well.</think>Now:\n```python\nx = 1\n```\nDone." };
  const { turns } = readTrace(
    trace("persistent", [said, { assistant_text: "No code." }], { max_turns: 4, timeout_s: 60 }),
  );
  const [first, second] = turns;
  assert.deepEqual([first?.thoughts, first?.words, first?.modelSeconds], ["Well.", "Now:\n\nDone.", 0.5]);
  assert.deepEqual([second?.words, second?.outcome, second?.names], ["No code.", "n", undefined]);
  const budget = (name: string) => second?.budgets.find((one) => one.name === name);
  assert.deepEqual(budget("turns"), { name: "turns", used: 2, left: 2, here: 1 });
  assert.deepEqual(budget("time"), { name: "time", used: 2, left: 58, isTime: true });
});

test("calls of code and calls that a model wrote have arguments and answers", () => {
  const ran = step("look()");
  object(ran.info).tool_calls = [
    { name: "look", arguments: ["a", true], result: '{"b":2}' },
    { name: "look", arguments: { item: null }, result: null, error: "unknown item" },
  ];
  const wrote = {
    calls: [
      { name: "look", arguments: '{"a": 1}' },
      { name: "look", arguments: '{"a":' },
    ],
    results: [
      { tool: "look", output: "yes" },
      { tool: "look", output: "Error: the arguments are not JSON" },
    ],
  };
  const [code, react] = readTrace(trace("persistent", [ran, wrote])).turns;
  const shown = [code, react].map((turn) => turn?.calls.map((call) => [call.arguments, call.answer, call.failed]));
  assert.deepEqual(shown, [
    [
      ['"a", True', '{"b":2}', false],
      ["item=None", "unknown item", true],
    ],
    [
      ["a=1", "yes", false],
      ['{"a":', "Error: the arguments are not JSON", true],
    ],
  ]);
  assert.deepEqual([code?.callsTools, react?.callsTools, react?.outcome], [false, true, "o"]);
});

test("recorded traces of all kinds are read", () => {
  const files = globSync("**/*.trace.json", { cwd: RECORDED });
  assert(files.length > 0);
  for (const file of files) {
    const recorded = JSON.parse(readFileSync(join(RECORDED, file), "utf8"));
    const episode = readTrace(recorded);
    assert.equal(episode.turns.length, recorded.summary.num_steps ?? 0, file);
    assert(
      episode.turns.every((turn) => turn.code || turn.words || turn.failure || turn.calls.length > 0),
      file,
    );
  }
});

test("whatever a file holds, reading it does not fail", () => {
  const odd: unknown[] = [
    null,
    undefined,
    0,
    -1,
    1e300,
    "",
    "x",
    true,
    [],
    [null],
    [[]],
    {},
    { name: 3 },
    { toString: 1 },
    ["__proto__"],
  ];
  const whole = trace("reset", [
    step("a = 1", { bound: { a: "1" } }),
    step("print(a)", { error: missing, lost: true }),
  ]);
  const visit = (value: unknown, set: (to: unknown) => void) => {
    for (const other of odd) {
      set(other);
      assert(readTrace(whole).turns.length <= 3);
      assert(readResult(whole));
    }
    set(value);
    if (typeof value !== "object" || value === null) return;
    const parts = value as Record<string, unknown>;
    for (const key of Object.keys(parts)) {
      visit(parts[key], (to) => {
        parts[key] = to;
      });
    }
  };
  for (const key of Object.keys(whole)) {
    visit(whole[key], (to) => {
      whole[key] = to;
    });
  }
  for (const other of odd) assert.deepEqual(readTrace(other).turns, []);
});
