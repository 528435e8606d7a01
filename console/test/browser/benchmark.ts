/**
 * How large the page is, how long it takes to open large traces and many, and what 10,000 live episodes cost: `npm run benchmark`;
 * with `live` as an argument, the size and the live episodes alone.
 */

import { cpSync, globSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import type { Page } from "playwright-core";

import { benchmarkLive } from "./benchmark_live.ts";
import { play } from "./support/episodes.ts";
import { launch, open } from "./support/page.ts";
import { FOLDER, ROOT, Server } from "./support/programs.ts";

/** Times that each measurement is repeated; the median counts. */
const REPEATS = 5;
const MEGABYTE = 1e6;

/** A real trace, whose steps are repeated. */
function lengthened(file: string, turns: number) {
  const trace = JSON.parse(readFileSync(file, "utf8"));
  const steps = trace.events.filter((event: { type: string }) => /^(Model|Step)/.test(event.type));
  const each = steps.length / trace.summary.num_steps;
  trace.events = Array.from({ length: turns * each }, (_, index) => steps[index % steps.length]);
  trace.summary.num_steps = turns;
  return trace;
}

/** A folder of copies of real traces, of a size. */
function many(files: string[], bytes: number): string {
  const folder = join(FOLDER, "many/results/agent/knapsack");
  mkdirSync(folder, { recursive: true });
  for (let [index, written] = [0, 0]; written < bytes; index++) {
    const from = files[index % files.length] ?? "";
    const name = `knapsack-knapsack-${String(index).padStart(10, "0")}`;
    cpSync(from, join(folder, `${name}.trace.json`));
    cpSync(from.replace(".trace.json", ".json"), join(folder, `${name}.json`));
    written += statSync(from).size;
  }
  return join(FOLDER, "many");
}

/** Milliseconds until what a place leads to is drawn. */
async function drawn(page: Page, place: string, selector: string): Promise<number> {
  return page.evaluate(
    async ([place = "", selector = ""]) => {
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      location.hash = "#/";
      while (document.querySelector(selector)) await frame();
      const began = performance.now();
      location.hash = place;
      while (!document.querySelector(selector)) await frame();
      await frame();
      await frame();
      return performance.now() - began;
    },
    [place, selector],
  );
}

function print(what: string, value: number, unit: string, goal: number) {
  const met = value < goal ? "" : "  MISSED";
  process.stdout.write(`${what.padEnd(62)} ${value.toFixed(0).padStart(6)} ${unit}  (goal: < ${goal})${met}\n`);
}
const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const dist = join(ROOT, "console/dist");
const size = (counts: (name: string) => boolean) =>
  readdirSync(dist)
    .filter(counts)
    .reduce((sum, name) => sum + gzipSync(readFileSync(join(dist, name))).length, 0) / 1000;
print(
  "all files, gzip",
  size(() => true),
  "kB",
  Number.POSITIVE_INFINITY,
);
print(
  "the page, what every view loads, gzip",
  size((name) => !/^(plot|editor)\./.test(name)),
  "kB",
  150,
);
print(
  "the page, what Now loads (with charts), gzip",
  size((name) => !/^editor\./.test(name)),
  "kB",
  150,
);
if (process.argv.includes("live")) {
  await benchmarkLive(print);
  process.exit();
}

const [browser, study] = await Promise.all([launch(), play()]);
const traces = globSync("*/results/*/*/*.trace.json", { cwd: study }).map((file) => join(study, file));
const long = traces.find((file) => file.includes("persistent-habit_in_reset")) ?? "";
const folder = join(FOLDER, "long");
mkdirSync(folder);
for (const [name, turns] of [
  ["500", 500],
  ["other", 500],
  ["6700", 6700],
] as const) {
  writeFileSync(join(folder, `${name}.trace.json`), JSON.stringify(lengthened(long, turns)));
}
const one = JSON.stringify(lengthened(long, 500)).length / 500;
const huge = join(FOLDER, "huge.trace.json");
writeFileSync(huge, JSON.stringify(lengthened(long, Math.ceil((100 * MEGABYTE) / one))));

/** Opens a page of its own for each round, with nothing kept from the round before. */
async function timed(what: string, url: string, place: string, selector: string, goal: number, repeats = REPEATS) {
  const times: number[] = [];
  for (let round = 0; round < repeats; round++) {
    await using opened = await open(browser, url);
    await opened.page
      .getByRole("status")
      .filter({ hasText: / episode/, hasNotText: "reading" })
      .waitFor();
    times.push(await drawn(opened.page, place, selector));
  }
  print(what, median(times), "ms", goal);
}
{
  await using view = await Server.start("analysis", "view", folder);
  await timed("a trace of 500 turns, from the list", view.url, "#/episode/long%2F500", "#turn", 300);
  const both = "#/compare?t=long/500&t=long/other";
  await timed("two traces of 500 turns, side by side", view.url, both, "#step-1", 600);
  await timed("a trace of 6,700 turns, from the list", view.url, "#/episode/long%2F6700", "#turn", 1000);
}
{
  await using view = await Server.start("analysis", "view", huge);
  await timed("a trace of 100 MB, from the list", view.url, "#/episode/huge", "#turn", 2000, 3);
}
{
  const runs = many(traces, 100 * MEGABYTE);
  const files = globSync("**/*.json", { cwd: runs }).map((file) => join(runs, file));
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    const began = performance.now();
    await using view = await Server.start("analysis", "view", runs);
    await using opened = await open(browser, view.url);
    await opened.page
      .getByRole("status")
      .filter({ hasText: / episodes/, hasNotText: "reading" })
      .waitFor();
    times.push(performance.now() - began);
  }
  print(`100 MB of traces (${files.length / 2}), from the command to the whole list`, median(times), "ms", 2000);
  await using view = await Server.start("analysis", "view", folder);
  await using opened = await open(browser, view.url);
  await opened.page
    .getByRole("status")
    .filter({ hasText: / episodes/, hasNotText: "reading" })
    .waitFor();
  // The time to hand the names of the files to the browser does not count.
  await opened.page.evaluate(() => document.addEventListener("change", () => performance.mark("chosen"), true));
  await opened.page.getByLabel("Traces to open").setInputFiles(files);
  await opened.page
    .getByRole("status")
    .filter({ hasText: /[\d,]{4,} episodes/, hasNotText: "reading" })
    .waitFor();
  const took = await opened.page.evaluate(
    () => performance.now() - (performance.getEntriesByName("chosen")[0]?.startTime ?? 0),
  );
  print("100 MB of traces, chosen on the page, read by the page", took, "ms", 5000);
}
await browser.close();
await benchmarkLive(print);
