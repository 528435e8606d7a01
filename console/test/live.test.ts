import assert from "node:assert/strict";
import { test } from "node:test";

import { readEpisode } from "../src/live/episode.ts";
import { LiveEpisodes } from "../src/live/episodes.ts";
import { type LiveFilter, NO_LIVE_FILTER, Sorted } from "../src/live/filter.ts";
import { readNow, readServer } from "../src/live/now.ts";
import { asRow, type LiveRow, moved, readLiveRow } from "../src/live/row.ts";
import { extended, NO_SERIES } from "../src/live/series.ts";
import { forkLink, nowLink, readRoute } from "../src/route.ts";
import type { Json } from "../src/trace/json.ts";

/** A record of a step, as JSON over HTTP has it: what is zero, empty or false is left out. */
function record(index: number, code: string, observation: Json, info: Json = {}): Json {
  const stepIndex = index === 0 ? {} : { stepIndex: String(index) };
  return { request: { ...stepIndex, code: { code } }, response: { ...stepIndex, observation, info } };
}

const ANSWER: Json = {
  episode: {
    episodeId: "one",
    task: { taskId: "knapsack-1", family: "knapsack", publicSha256: "ab" },
    interpreterState: "INTERPRETER_STATE_PERSISTENT",
    semantics: "SEMANTICS_SCRIPT",
    seed: "12345678901234567890",
    nextStepIndex: "2",
  },
  observation: { goal: "Pack.", publicJson: '{"capacity": 3}' },
  limits: { maxSteps: 16, toolCallsPerStep: 5, wallClockPerStep: "60s", fuelPerStep: "100000000000" },
};

test("an episode of the server becomes one as traces are", () => {
  const records = [
    record(
      0,
      "ids = list_items()",
      { success: true, output: "x\n", globals: ["ids"] },
      {
        toolCalls: [{ name: "list_items", argumentsJson: "[]", resultJson: '["a"]' }],
        budgetLeft: { inspect: "12" },
        runTime: "0.002500s",
        definitions: [{ name: "ids", digest: "1" }],
      },
    ),
    record(1, "print(n)", {
      error: "Traceback\nNameError: name 'n' is not defined",
      errorKind: "ERROR_KIND_EXCEPTION",
      exceptionType: "NameError",
      errorOutput: "warned",
      globals: ["ids"],
    }),
  ];
  const { episode, result } = readEpisode({ answer: ANSWER, records });
  assert.equal(result, undefined);
  assert.deepEqual(
    [episode.taskId, episode.state, episode.semantics, episode.finishReason, episode.taskSha256],
    ["knapsack-1", "persistent", "script", "", "ab"],
  );
  assert.equal(episode.task, 'Pack.\n\n{"capacity": 3}');
  assert.deepEqual(episode.facts[0], ["episode", "one"]);
  assert.match(String(episode.facts.find(([name]) => name === "seeds")), /12345678901234567890/);
  assert.match(String(episode.facts.find(([name]) => name === "limits")), /max_steps 16.*wall_clock_per_step_s 60/);
  const [first, second] = episode.turns;
  assert.deepEqual(first?.calls, [{ tool: "list_items", arguments: "", answer: '["a"]', failed: false }]);
  assert.deepEqual([first?.outcome, first?.code, first?.output, first?.words], ["o", "ids = list_items()", "x\n", ""]);
  assert.equal(first?.stepSeconds, 0.0025);
  assert.deepEqual(first?.names?.names, [{ name: "ids", fate: "new", equal: false }]);
  assert.deepEqual(
    first?.budgets.find(({ name }) => name === "inspect"),
    { name: "inspect", left: 12 },
  );
  assert.equal(first?.tokens.written, 5);
  assert.deepEqual([second?.outcome, second?.failure?.missingName, second?.errorOutput], ["m", "n", "warned"]);
});

test("an episode that ended has a result, and steps that are gone are told", () => {
  const ended: Json = {
    ...ANSWER,
    episode: { ...(ANSWER.episode as Json), endReason: "END_REASON_FINISHED", ended: true },
    evaluation: { isSolved: true, score: 1, metricsJson: '{"value": 3}' },
  };
  const { episode, result } = readEpisode({ answer: ended, records: [record(7, "finish()", { success: true })] });
  assert.deepEqual(result, { failed: false, error: "", solved: true, score: 1, metrics: [["value", "3"]] });
  assert.equal(episode.finishReason, "finished");
  assert.match(episode.errors[0] ?? "", /from 7 on/);
});

test("calls that an agent made itself are calls, and one that failed says so", () => {
  const called: Json = {
    request: { toolCalls: { calls: [{ name: "inspect", argumentsJson: '{"item_id": "a"}' }, { name: "no" }] } },
    response: {
      observation: {
        toolResults: [
          { name: "inspect", resultJson: '"red"' },
          { name: "no", error: "no tool" },
        ],
      },
    },
  };
  const { episode } = readEpisode({ answer: ANSWER, records: [called] });
  assert.deepEqual(
    episode.turns[0]?.calls.map(({ tool, answer, failed }) => [tool, answer, failed]),
    [
      ["inspect", '"red"', false],
      ["no", "Error: no tool", true],
    ],
  );
});

test("whatever a server answers, reading it does not fail", () => {
  for (const value of [null, 7, "x", [], {}, { rows: 1, episode: [], steps: [null] }]) {
    readNow(value);
    readServer(value, value);
    readLiveRow(value);
    readEpisode({ answer: { episode: value, limits: value, observation: value, evaluation: value }, records: [{}] });
  }
});

test("of an episode that grows only the new steps are asked for", async () => {
  const asked: string[] = [];
  let steps = 3;
  const episodes = new LiveEpisodes(async (method, request) => {
    const { stepPageToken } = request as { stepPageToken: string };
    asked.push(`${method} ${stepPageToken}`);
    const from = Number(stepPageToken);
    // A page has two steps.
    const to = Math.min(steps, from + 2);
    const page = Array.from({ length: Math.max(0, to - from) }, (_, place) =>
      record(from + place, `${from + place}`, {}),
    );
    const episode = { ...(ANSWER.episode as Json), nextStepIndex: String(steps) };
    return { ...ANSWER, episode, steps: page, nextStepPageToken: to < steps ? String(to) : "" };
  });
  const [opened, same] = await Promise.all([episodes.open("one"), episodes.open("one")]);
  assert.equal(opened, same);
  assert.deepEqual(asked.splice(0), ["GetEpisode ", "GetEpisode 2"]);
  steps = 4;
  const grown = await episodes.open("one");
  assert.deepEqual(asked.splice(0), ["GetEpisode 3"]);
  assert.deepEqual(
    grown.episode.turns.map(({ number, code }) => [number, code]),
    [1, 2, 3, 4].map((number) => [number, String(number - 1)]),
  );
  assert.equal(episodes.next("one"), 4);
});

test("steps that the server has forgotten stay on the page", async () => {
  let forgets = false;
  const episodes = new LiveEpisodes(async (_, request) => {
    const { stepPageToken } = request as { stepPageToken: string };
    if (forgets && stepPageToken !== "") throw new Error("STEP_FORGOTTEN");
    return { ...ANSWER, steps: forgets ? [record(5, "5", {})] : [record(0, "0", {}), record(1, "1", {})] };
  });
  await episodes.open("one");
  forgets = true;
  const { episode } = await episodes.open("one");
  assert.deepEqual(
    episode.turns.map(({ code }) => code),
    ["0", "1", "5"],
  );
});

const row = (id: string, values: Partial<LiveRow> = {}): LiveRow => ({
  ...readLiveRow({ id, tenant: "red", task: `task-${id}`, state: "reset", created_ms: 1 }),
  ...values,
});
const mapOf = (rows: LiveRow[]) => new Map(rows.map((one) => [one.key, one]));

test("live episodes are filtered and sorted, also where the order of before was another", () => {
  const rows = mapOf([row("10", { steps: 1 }), row("9", { steps: 3, end: "finished" }), row("8", { created: 2 })]);
  const sorted = new Sorted();
  const ids = (filter: Partial<LiveFilter>) => sorted.of(rows, { ...NO_LIVE_FILTER, ...filter }).map(({ id }) => id);
  assert.deepEqual(ids({}), ["8", "10", "9"]);
  assert.deepEqual(ids({ sort: "task", descending: false }), ["8", "9", "10"]);
  assert.deepEqual(ids({ ending: "running", sort: "steps" }), ["10", "8"]);
  assert.deepEqual(ids({ search: "TASK-9 red" }), ["9"]);
  assert.deepEqual(ids({ search: "blue" }), []);
  rows.delete("9\nred");
  rows.set("7\nred", row("7", { steps: 9 }));
  assert.deepEqual(ids({ sort: "steps" }), ["7", "10", "8"]);
  assert.deepEqual(ids({ state: "persistent" }), []);
});

test("a row that moves keeps what stays", () => {
  const before = row("1");
  const after = moved(before, { id: "1", tenant: "red", steps: 4, end: "closed", fuel: 5, run_us: 2_000_000 });
  assert.deepEqual([after.task, after.steps, after.end, after.ran], [before.task, 4, "closed", 2]);
  assert.notEqual(row("1", {}).key, readLiveRow({ id: "1", tenant: "blue" }).key);
  assert.deepEqual([asRow(after).task, asRow(after).finishReason], ["task-1", "closed"]);
});

test("the rate is that between two times, and the last minutes are kept", () => {
  const at = (seconds: number, steps: number) => readNow({ at_ms: seconds * 1000, steps });
  let series = extended(NO_SERIES, at(1, 5), undefined);
  assert.deepEqual(series.rate, [null]);
  series = extended(series, at(3, 25), at(1, 5));
  assert.deepEqual(series.rate, [null, 10]);
  assert.equal(extended(series, at(3, 25), at(3, 25)), series);
  for (let time = 4; time < 1000; time++) series = extended(series, at(time, 25), at(time - 1, 25));
  assert.equal(series.at.length, 600);
  assert.equal(series.at.at(-1), 999);
});

test("the addresses of the live views", () => {
  assert.deepEqual(readRoute(forkLink("a/b&c", "d", 7)), { view: "fork", of: "a/b&c", id: "d", turn: 7 });
  const now = readRoute(nowLink({ q: "x y", state: "" }));
  assert.deepEqual(now.view === "now" && [...now.query], [["q", "x y"]]);
  assert.equal(readRoute("#/fork?of=a").view, "list");
});
