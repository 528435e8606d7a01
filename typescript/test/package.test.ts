import assert from "node:assert/strict";
import { type ExecFileSyncOptions, execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

import { Server } from "./support/server.ts";

const PACKAGE = join(import.meta.dirname, "..");
const text = (name: string) => readFileSync(join(PACKAGE, name), "utf8");

test("README shows the examples as they are", () => {
  for (const example of ["examples/first_episode.ts", "examples/page.ts"]) {
    assert(text("README.md").includes(`\`\`\`ts\n${text(example)}\`\`\``), example);
  }
});

test("the example plays, and its process ends by itself", async () => {
  await using server = await Server.start();
  const example = join(PACKAGE, "examples/first_episode.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [example, server.url], { timeout: 60_000 });
  assert.match(stdout, /^\{"class":.*\}\nsolved: false\n$/);
});

test("so does that of the repository's README", async () => {
  await using server = await Server.start();
  const [, code = ""] = /```ts\n(.*?)```/s.exec(text("../README.md")) ?? [];
  const there = code.replace("http://127.0.0.1:50051", server.url);
  assert.notEqual(there, code);
  const program = ["--input-type=module-typescript", "--eval", there];
  const { stdout } = await promisify(execFile)(process.execPath, program, { cwd: PACKAGE, timeout: 60_000 });
  assert.match(stdout, /^\{"class":/);
});

test("what is published is the built package alone", () => {
  const command = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const options = { cwd: PACKAGE, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] } satisfies ExecFileSyncOptions;
  const [packed] = JSON.parse(execFileSync("npm", command, options));
  const paths: string[] = packed.files.map(({ path }: { path: string }) => path);
  assert.deepEqual(
    paths.filter((path) => !path.startsWith("dist/")),
    ["README.md", "package.json"],
  );
  const manifest = JSON.parse(text("package.json"));
  for (const entry of Object.values<{ types: string; default: string }>(manifest.exports)) {
    assert(paths.includes(entry.types.slice(2)) && paths.includes(entry.default.slice(2)), entry.default);
  }
});
