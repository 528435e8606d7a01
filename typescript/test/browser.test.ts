import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";

import { Server } from "./support/server.ts";

const PACKAGE = join(import.meta.dirname, "..");

let server: Server;
let browser: Browser;
let page: Page;
/** Calls whose answers are lost: the connection breaks where the answer's body would begin. */
const losing = new Set<string>();
const site = createServer(async (asked, answer) => {
  const path = asked.url ?? "";
  if (path.startsWith("/runtime_gym.env.v1.EnvironmentService/")) {
    const url = new URL(path, server.url);
    const passed = request(url, { method: asked.method, headers: asked.headers }, (answered) => {
      answer.writeHead(answered.statusCode ?? 500, answered.headers);
      if (losing.delete(path.replace(/.*\//, ""))) {
        answer.flushHeaders();
        asked.socket.destroySoon();
      } else {
        answered.pipe(answer);
      }
    });
    asked.pipe(passed);
  } else if (path.endsWith(".js")) {
    answer.writeHead(200, { "content-type": "text/javascript" }).end(await bundle(path.slice(1, -3)));
  } else {
    answer.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Runtime Gym</title><body>");
  }
});

/** The example for a page or the package itself, as a bundler makes it for browsers. */
async function bundle(name: string): Promise<string> {
  const entry = name === "page" ? "examples/page.ts" : "dist/index.js";
  const options = { bundle: true, format: "esm", platform: "browser", write: false, absWorkingDir: PACKAGE } as const;
  const { outputFiles } = await build({ ...options, entryPoints: [entry] });
  return outputFiles[0]?.text ?? assert.fail("no bundle");
}

before(async () => {
  server = await Server.start();
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  const executablePath = execFileSync(join(PACKAGE, "../scripts/chromium.sh"), { encoding: "utf8" }).trim();
  // Chromium's sandbox needs rights that a container lacks.
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
  browser = await chromium.launch({ executablePath, args, timeout: 120_000 });
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
});
after(async () => {
  await browser?.close();
  site.closeAllConnections();
  site.close();
  await server[Symbol.asyncDispose]();
});

test("the example plays an episode on a page", async () => {
  await page.addScriptTag({ url: "/page.js", type: "module" });
  await page.waitForFunction(() => document.body.textContent?.includes("solved: "), undefined, { timeout: 60_000 });
  assert.match((await page.textContent("body")) ?? "", /^\{"class":.*\}\nsolved: false$/);
});

test("a step whose answer is lost is taken once, and errors have their types", async () => {
  const began = page.evaluate(async () => {
    const gym: typeof import("runtime-gym") = await import("/package.js" as string);
    const client = gym.connect(location.origin);
    const episode = await client.create("knapsack-0000000000", { interpreterState: "persistent" });
    const other = await client.attach(episode.id);
    Object.assign(globalThis, { gym, episode, other });
    return (await episode.step("n = 1")).stepIndex.toString();
  });
  assert.equal(await began, "0");
  losing.add("Step");
  const said = await page.evaluate(async () => {
    const { gym, episode, other } = globalThis as unknown as {
      gym: typeof import("runtime-gym");
      episode: import("runtime-gym").Episode;
      other: import("runtime-gym").Episode;
    };
    const { observation } = await episode.step("n += 1; print(n)");
    const error = await other.step("n = 3").catch((reason: unknown) => reason);
    if (!(error instanceof gym.RuntimeGymError)) throw error;
    const { steps } = await episode.close();
    return [observation.output, gym.Code[error.code], error.reason, steps.toString()];
  });
  assert.deepEqual(said, ["2\n", "FailedPrecondition", "STEP_CONFLICT", "2"]);
  assert.equal(losing.size, 0);
});
