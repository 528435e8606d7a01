import assert from "node:assert/strict";
import { test } from "node:test";

import { align } from "../src/compare/align.ts";
import { headline } from "../src/compare/headline.ts";
import { lifelines, namesOf } from "../src/compare/lifelines.ts";
import { totals } from "../src/compare/totals.ts";
import { readTrace } from "../src/trace/read.ts";
import { step, trace } from "./support/traces.ts";

const persistent = readTrace(
  trace("persistent", [
    step("a = 1", { globals: ["a"], bound: { a: "1" } }),
    step("b = a", { globals: ["a", "b"], bound: { b: "1" } }),
  ]),
);
const reset = readTrace(
  trace("reset", [
    step("a = 1", { bound: { a: "1" } }),
    step("b = a", { error: "NameError: name 'a' is not defined" }),
    step("a = 1\nb = a", { bound: { a: "1", b: "1" } }),
  ]),
);

test("steps are aligned, and what differs is known", () => {
  const steps = align([persistent, reset]);
  assert.deepEqual(
    steps.map(({ cells }) => cells.map(({ turn }) => turn?.number)),
    [
      [1, 1],
      [2, 2],
      [undefined, 3],
    ],
  );
  assert.deepEqual(
    steps[0]?.cells.map(({ sameAs }) => sameAs),
    [undefined, "A"],
  );
  assert.deepEqual(
    steps[1]?.cells.map(({ only }) => [...only]),
    [["a", "b"], []],
  );
  assert.deepEqual(align([]), []);
});

test("a name's line ends where a reset took it, and shows where it was missed", () => {
  const [long, short] = [lifelines(persistent.turns), lifelines(reset.turns)];
  assert.deepEqual(long.get("a")?.spans, [{ from: 1, to: 2, end: "episode" }]);
  assert.deepEqual(short.get("a"), {
    name: "a",
    spans: [
      { from: 1, to: 1, end: "reset" },
      { from: 3, to: 3, end: "episode" },
    ],
    bindings: [
      { turn: 1, fate: "new", equal: false },
      { turn: 3, fate: "again", equal: true },
    ],
    misses: [2],
  });
  assert.deepEqual(namesOf([long, short]), ["a", "b"]);
});

test("totals and the sentence say what the reset cost", () => {
  const columns = [persistent, reset].map((episode) => ({ state: episode.state, totals: totals(episode) }));
  const [first, second] = columns.map((column) => column.totals);
  assert.deepEqual([first?.again, first?.taken, first?.missing, first?.written], [0, 0, 0, 40]);
  assert.deepEqual([second?.again, second?.equal, second?.taken, second?.missing, second?.inTurns], [1, 1, 1, 1, 20]);
  assert.equal(
    headline(columns),
    "Under reset the model wrote 60 tokens in 3 turns, against 40 in 2: 1.5 times as many. " +
      "1 turn missed a variable that a reset had taken away. " +
      `It bound 1 name again that it had bound before; about ${second?.rewritten} of its tokens do nothing else.`,
  );
  assert.equal(headline(columns.slice(1)), undefined);
  assert.equal(headline([...columns, ...columns]), undefined);
});

test("a state that was lost ends the lines of its names", () => {
  const { turns } = readTrace(
    trace("persistent", [step("a = 1", { globals: ["a"], bound: { a: "1" } }), step("", { lost: true }), step("")]),
  );
  assert.deepEqual(lifelines(turns).get("a")?.spans, [{ from: 1, to: 1, end: "lost" }]);
  assert.equal(totals({ turns, tokens: { prompt: 0, written: 0, total: 0, estimated: false } }).taken, 1);
});
