import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { Code, connect, RuntimeGymError } from "runtime-gym";

import { TcpProxy } from "./support/proxy.ts";
import { FOLDER, Server } from "./support/server.ts";
import { until } from "./support/until.ts";

const TASK = "knapsack-0000000000";
const PERSISTENT = { interpreterState: "persistent" } as const;

test("a step whose answer is lost is taken once", async () => {
  await using server = await Server.start();
  using proxy = await TcpProxy.before(server.url);
  using client = connect(proxy.url);
  using direct = connect(server.url);
  await using episode = await client.create(TASK, PERSISTENT);
  await episode.step("n = 1");
  proxy.passes = "requests";
  const step = episode.step("n += 1; print(n)");
  await until(async () => (await direct.attach(episode.id)).nextStepIndex === 2);
  proxy.cut();
  assert.equal((await step).observation.output, "2\n");
  assert.equal(proxy.connections, 2);
  assert.equal((await episode.step("print(n)")).observation.output, "2\n");
  assert.equal((await direct.info()).stepsRun, 3n);
});

test("a step that has not reached the server is taken when it is sent again", async () => {
  await using server = await Server.start();
  using proxy = await TcpProxy.before(server.url);
  using client = connect(proxy.url);
  await using episode = await client.create(TASK, PERSISTENT);
  proxy.passes = "nothing";
  const step = episode.step("print('taken')");
  await sleep(100);
  proxy.cut();
  assert.equal((await step).observation.output, "taken\n");
  assert.equal(proxy.connections, 2);
});

test("creates, forks and closes whose answers are lost take effect once", async () => {
  await using server = await Server.start();
  using proxy = await TcpProxy.before(server.url);
  using client = connect(proxy.url);
  using direct = connect(server.url);
  await (await client.create(TASK, PERSISTENT)).close(); // the client knows the server now
  /** Makes a call, and loses its answer once it has taken effect. */
  async function lost<T>(call: () => Promise<T>, hasTakenEffect: () => Promise<boolean>): Promise<T> {
    proxy.passes = "requests";
    const answer = call();
    await until(hasTakenEffect);
    proxy.cut();
    return answer;
  }
  const created = async (count: bigint) => (await direct.info()).episodesCreated === count;
  const episode = await lost(
    () => client.create(TASK, PERSISTENT),
    () => created(2n),
  );
  await episode.step("n = 1");
  const [copy] = await lost(
    () => episode.fork(),
    () => created(3n),
  );
  assert.equal((await copy?.step("print(n)"))?.observation.output, "1\n");
  const { steps } = await lost(
    () => episode.close(),
    async () => (await direct.attach(episode.id)).ended,
  );
  assert.equal(steps, 1n);
  await copy?.close();
  assert(await created(3n));
});

test("an episode goes on where its server starts again", async () => {
  const state = ["--state-dir", join(FOLDER, "state")];
  const first = await Server.start(...state);
  using client = connect(first.url);
  const episode = await client.create(TASK, PERSISTENT);
  await episode.step("n = 1");
  await first[Symbol.asyncDispose]();
  const step = episode.step("n += 1; print(n)");
  await using _second = await Server.start(...state, "--listen", new URL(first.url).host);
  assert.equal((await step).observation.output, "2\n");
  await episode.close();
});

test("an episode begins on a server that has started again without those it had", async () => {
  const first = await Server.start();
  using client = connect(first.url);
  await client.create(TASK, PERSISTENT);
  await first[Symbol.asyncDispose]();
  await using _second = await Server.start("--listen", new URL(first.url).host);
  await using episode = await client.create(TASK, PERSISTENT);
  assert.equal((await episode.step("print(1)")).observation.output, "1\n");
});

test("a server without room is asked until there is some", async () => {
  await using server = await Server.start("--max-episodes", "1");
  using client = connect(server.url);
  const first = await client.create(TASK, PERSISTENT);
  const second = client.create(TASK, PERSISTENT);
  assert.equal(await Promise.race([second, sleep(300, "waits")]), "waits");
  await first.close();
  await (await second).close();
});

test("a server that is not there is UNAVAILABLE, after all attempts", async () => {
  const server = await Server.start();
  await server[Symbol.asyncDispose]();
  const error = await connect(server.url, { attempts: 2 })
    .info()
    .catch((reason: unknown) => reason);
  assert(error instanceof RuntimeGymError);
  assert.equal(error.code, Code.Unavailable);
});

test("a server that does not answer is given up at the deadline", async () => {
  await using server = await Server.start();
  using proxy = await TcpProxy.before(server.url);
  proxy.passes = "nothing";
  using client = connect(proxy.url, { attempts: 2, deadline: 0.1 });
  await assert.rejects(client.info(), { code: Code.DeadlineExceeded });
});

test("a call can be given up; its step is taken, or not, and may be sent again", async () => {
  await using server = await Server.start();
  using client = connect(server.url);
  await using episode = await client.create(TASK, PERSISTENT);
  const long = "n = 0\nwhile n < 10_000_000: n += 1\nprint(n)";
  await assert.rejects(episode.step(long, { signal: AbortSignal.timeout(50) }), { name: "TimeoutError" });
  assert.equal((await episode.step(long)).observation.output, "10000000\n");
  assert.equal((await client.info()).stepsRun, 1n);
  using gone = connect("http://127.0.0.1:1");
  await assert.rejects(gone.info({ signal: AbortSignal.timeout(500) }), { name: "TimeoutError" });
});

test("closed clients leave no connection", async () => {
  await using server = await Server.start();
  using proxy = await TcpProxy.before(server.url);
  {
    using client = connect(proxy.url);
    await Promise.all(Array.from({ length: 20 }, () => client.info()));
    assert.deepEqual([proxy.connections, proxy.open], [1, 1]);
  }
  await until(() => proxy.open === 0);
});
