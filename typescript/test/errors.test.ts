import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { type Client, Code, connect, RuntimeGymError } from "runtime-gym";

import { FOLDER, PROGRAM, Server } from "./support/server.ts";

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

const TASK = "knapsack-0000000000";

async function errorOf(call: Promise<unknown>): Promise<RuntimeGymError> {
  const error = await call.then(
    () => assert.fail("the call succeeds"),
    (reason: unknown) => reason,
  );
  assert(error instanceof RuntimeGymError, String(error));
  return error;
}

test("another action for a step that was taken is a conflict", async () => {
  await using episode = await client.create(TASK, { interpreterState: "persistent" });
  const other = await client.attach(episode.id);
  await episode.step("n = 1");
  const error = await errorOf(other.step("n = 2"));
  assert.deepEqual([error.code, error.reason], [Code.FailedPrecondition, "STEP_CONFLICT"]);
  assert.match(error.message, /^\[failed_precondition\] .*step 0/);
  assert.equal((await other.step("n = 1")).stepIndex, 0n);
  assert.equal((await other.step("print(n)")).observation.output, "1\n");
});

test("a step that is left out is a gap", async () => {
  await using episode = await client.create(TASK, { interpreterState: "persistent" });
  episode.nextStepIndex = 9;
  const error = await errorOf(episode.step("n = 1"));
  assert.deepEqual([error.code, error.reason], [Code.FailedPrecondition, "STEP_GAP"]);
});

test("an episode that has ended takes no step", async () => {
  const episode = await client.create(TASK, { interpreterState: "reset" });
  await episode.close();
  assert.equal((await errorOf(episode.step("1"))).reason, "EPISODE_ENDED");
});

test("a wrong request names its fields, and is sent once", async () => {
  const creates = async () => {
    const { latencies } = await client.info();
    return latencies.find(({ name }) => name === "CreateEpisode")?.count ?? 0n;
  };
  const before = await creates();
  const limits = { maxSteps: 1_000_000 };
  const error = await errorOf(client.create(TASK, { interpreterState: "reset", limits }));
  assert.equal((await creates()) - before, 1n);
  assert.equal(error.code, Code.InvalidArgument);
  assert.deepEqual(Object.keys(error.fields), ["limits.max_steps"]);
  assert.match(error.fields["limits.max_steps"] ?? "", /1000/);
  const state = "sometimes" as "reset"; // from a program without types
  const stateless = await errorOf(client.create(TASK, { interpreterState: state }));
  assert.deepEqual(Object.keys(stateless.fields), ["interpreter_state"]);
});

test("a value that its field can't hold is told before it is sent", async () => {
  const call = client.create(TASK, { interpreterState: "reset", seed: -1 });
  await assert.rejects(call, { name: "Error", message: /seed.*uint64/ });
});

test("what is not there is NOT_FOUND, and an id is taken once", async () => {
  assert.equal((await errorOf(client.create("no-such-task", { interpreterState: "reset" }))).code, Code.NotFound);
  assert.equal((await errorOf(client.attach("no-such-episode"))).code, Code.NotFound);
  const taken = { interpreterState: "reset", episodeId: "taken" } as const;
  await using _episode = await client.create(TASK, taken);
  const error = await errorOf(client.create(TASK, { ...taken, seed: 1 }));
  assert.equal(error.code, Code.AlreadyExists);
});

test("a server with tokens is called with one", async () => {
  const made = execFileSync(PROGRAM, ["token", "--tenant", "red"], { encoding: "utf8" });
  const [token, line] = made.split("\n").map((text) => text.replace(/^.*?: /, ""));
  assert(token);
  const tokens = join(FOLDER, "tokens");
  writeFileSync(tokens, `${line}\n`);
  await using guarded = await Server.start("--tokens", tokens, "--server-name", "one");
  using stranger = connect(guarded.url);
  assert.equal((await errorOf(stranger.info())).code, Code.Unauthenticated);
  using known = connect(guarded.url, { token });
  await using episode = await known.create(TASK, { interpreterState: "reset" });
  assert.match(episode.id, /^one\./);
});

test("a server on a Unix socket", async () => {
  await using local = await Server.start("--listen", `unix:${join(FOLDER, "gym.sock")}`);
  using near = connect(local.url);
  assert.equal((await near.info()).taskSets[0]?.name, "tiny");
});
