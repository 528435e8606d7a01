import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { createClient } from "@connectrpc/connect";
import { type Client, connect, EndReason, type Episode, ErrorKind } from "runtime-gym";
import { EnvironmentService } from "runtime-gym/proto";

import { Server } from "./support/server.ts";

let server: Server;
let client: Client;
before(async () => {
  server = await Server.start();
  client = connect(server.url);
});
after(async () => {
  client.close();
  await server[Symbol.asyncDispose]();
});

const items = (episode: Episode) => (episode.publicData as { item_ids: string[] }).item_ids.length;
const knapsack = async () => (await client.tasks("knapsack", { limit: 1 }))[0] ?? assert.fail("no task");

test("an episode is played to its end", async () => {
  await using episode = await client.create(await knapsack(), { interpreterState: "persistent", seed: 7 });
  assert.equal(episode.seed, 7n);
  assert.match(episode.goal, /^You have a knapsack/);
  assert(episode.tools.some((tool) => tool.name === "finish"));
  const first = await episode.step("import json\nids = json.loads(list_items())\nprint(len(ids))");
  assert.equal(first.observation.output, `${items(episode)}\n`);
  assert.deepEqual(first.observation.globals, ["ids"]);
  assert.deepEqual([first.reward, episode.ended, episode.nextStepIndex], [0, false, 1]);
  const last = await episode.step("inspect(ids[0])\nfinish()");
  assert(last.terminated && episode.ended);
  assert.equal(episode.endReason, EndReason.FINISHED);
  assert.equal(last.reward, episode.evaluation?.score);
  assert.equal((await episode.close()).steps, 2n);
});

test("variables persist, or they do not", async () => {
  for (const [interpreterState, says] of [
    ["persistent", "2\n"],
    ["reset", ""],
  ] as const) {
    await using episode = await client.create(await knapsack(), { interpreterState });
    assert.equal(episode.interpreterState, interpreterState);
    await episode.step("n = 1");
    const { observation } = await episode.step("n += 1; print(n)");
    assert.equal(observation.output, says);
    assert.equal(observation.errorKind, says ? ErrorKind.UNSPECIFIED : ErrorKind.EXCEPTION);
    assert.equal(observation.exceptionType, says ? "" : "NameError");
  }
});

test("tools are called without the interpreter, also with what is no JSON", async () => {
  await using episode = await client.create(await knapsack(), { interpreterState: "reset" });
  const calls = [
    { name: "list_items", arguments: [] },
    { name: "inspect", arguments: { item_id: "nothing" } },
    { name: "inspect", arguments: "{what a model wrote" },
  ];
  const { observation } = await episode.step(calls);
  const [listed, unknown, malformed] = observation.toolResults;
  assert(Array.isArray(JSON.parse(JSON.parse(listed?.resultJson ?? ""))));
  assert.equal(unknown?.errorType, "ToolRuntimeException");
  assert.equal(malformed?.errorType, "ToolInvocationException");
});

test("copies go their own ways, from where it stands or from an earlier step", async () => {
  await using episode = await client.create(await knapsack(), { interpreterState: "persistent" });
  await episode.step("n = 1");
  await episode.step("n = 2");
  const copies = [...(await episode.fork(2)), ...(await episode.fork(1, { atStepIndex: 1 }))];
  await episode.step("n = 3");
  const said = await Promise.all(copies.map(async (copy) => (await copy.step("print(n)")).observation.output));
  assert.deepEqual(said, ["2\n", "2\n", "1\n"]);
  assert.deepEqual([copies[0]?.goal, copies[0]?.limits], [episode.goal, episode.limits]);
  await Promise.all(copies.map((copy) => copy.close()));
});

test("limits are given and told as numbers", async () => {
  const limits = { maxSteps: 1, fuelPerStep: 10_000_000, wallClockPerStep: 2.5 };
  await using episode = await client.create(await knapsack(), { interpreterState: "reset", limits, lease: 60 });
  assert.deepEqual({ ...episode.limits, ...limits }, episode.limits);
  assert(episode.limits.memoryBytes > 0);
  assert.equal(episode.lease, 60);
  const { observation, truncated } = await episode.step("while True: pass");
  assert.equal(observation.errorKind, ErrorKind.FUEL);
  assert(truncated);
  assert.equal(episode.endReason, EndReason.MAX_STEPS);
});

test("a task is named, made from a config, or a whole file", async () => {
  const { taskId } = await knapsack();
  const config = { num_tasks: 1, n_items_range: [9, 9], weight_range: [5, 20], value_range: [21, 99] };
  const rest = { classes: ["A", "B"], num_allowed_classes: 1, capacity_ratio_range: [0.5, 0.7] };
  await using named = await client.create(taskId, { interpreterState: "reset", semantics: "notebook" });
  assert.deepEqual([named.task.taskId, named.semantics], [taskId, "notebook"]);
  assert.equal((await named.step("6 * 7")).observation.output, "42\n");
  const made = { family: "knapsack", config: { ...config, ...rest }, seed: 1 };
  await using other = await client.create(made, { interpreterState: "reset" });
  assert.equal(items(other), 9);
  const text = readFileSync(join(import.meta.dirname, "../../tests/fixtures/interpreter/task.json"), "utf8");
  await using whole = await client.create({ file: JSON.parse(text) }, { interpreterState: "reset" });
  assert.equal(items(whole), 33);
});

test("an episode is found again by its id, and kept alive", async () => {
  const episode = await client.create(await knapsack(), { interpreterState: "persistent", episodeId: "mine" });
  await episode.step("n = 1");
  const again = await client.attach("mine");
  assert.deepEqual([again.id, again.nextStepIndex, again.goal], ["mine", 1, episode.goal]);
  assert.equal((await again.step("print(n)")).observation.output, "1\n");
  assert.deepEqual(await client.keepAlive([episode]), []);
  await episode.close();
  assert.deepEqual(await client.keepAlive([episode]), ["mine"]);
});

test("`await using` closes the episode, also when its block throws", async () => {
  let id = "";
  const play = async () => {
    await using episode = await client.create(await knapsack(), { interpreterState: "reset" });
    id = episode.id;
    assert.equal((await client.info()).runningEpisodes, 1n);
    throw new Error("of the caller");
  };
  await assert.rejects(play, { message: "of the caller" });
  assert.equal((await client.info()).runningEpisodes, 0n);
  assert.equal((await client.attach(id)).endReason, EndReason.CLOSED);
});

test("calls without a method of their own are made by the generated client", async () => {
  const rpc = createClient(EnvironmentService, client.transport);
  await using episode = await client.create(await knapsack(), { interpreterState: "persistent" });
  const step = (index: number) => ({
    episodeId: episode.id,
    stepIndex: BigInt(index),
    action: { case: "code", value: { code: `print(${index})` } } as const,
  });
  const { results } = await rpc.stepBatch({ steps: [step(0), step(1)] });
  async function* steps() {
    yield* [step(2), step(3)];
  }
  for await (const answer of rpc.stepStream(steps())) results.push(answer);
  const said = results.map(({ result }) => result.case === "response" && result.value.observation?.output);
  assert.deepEqual(said, ["0\n", "1\n", "2\n", "3\n"]);
});
