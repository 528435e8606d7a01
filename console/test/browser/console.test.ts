import assert from "node:assert/strict";
import { globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { play, RESULTS, TASKS } from "./support/episodes.ts";
import { hostile } from "./support/hostile.ts";
import { accessible, fits, launch, open } from "./support/page.ts";
import { ROOT, Server } from "./support/programs.ts";

let browser: Browser;
let study: string;
let view: Server;
before(async () => {
  [browser, study] = await Promise.all([launch(), play()]);
  view = await Server.start("analysis", "view", study, RESULTS);
});
after(async () => {
  await browser?.close();
  await view?.[Symbol.asyncDispose]();
});

/** The id of an episode of a run, of the first task. */
const id = (run: string) => {
  const [file = ""] = globSync(`${run}/results/*/*/*.trace.json`, { cwd: study }).sort();
  return `a study/${file.replace(".trace.json", "")}`;
};
const episode = (run: string) => `#/episode/${encodeURIComponent(id(run))}`;
const compared = (...runs: string[]) => `#/compare?${new URLSearchParams(runs.map((run) => ["t", id(run)]))}`;

/** The text of the page, with single spaces. */
const words = async (page: Page) => ((await page.textContent("main")) ?? "").replaceAll(/\s+/g, " ");

test("the programs have the page that was built", async () => {
  await using server = await Server.start("env-server", "serve", "--listen", "127.0.0.1:0");
  const files = readdirSync(join(ROOT, "console/dist"));
  assert(files.length > 4, files.join());
  for (const [program, place] of [
    ["analysis", view.url],
    ["env-server", `${server.url}/console/`],
  ] as const) {
    for (const name of files) {
      const served = await (await fetch(new URL(name, place))).text();
      assert(served === readFileSync(join(ROOT, "console/dist", name), "utf8"), `${name}: build ${program} again`);
    }
  }
});

test("the list shows every episode, filters them, and leads to an episode", async () => {
  await using opened = await open(browser, view.url);
  const { page, complaints } = opened;
  await page
    .getByRole("status")
    .filter({ hasText: `${6 * TASKS} episodes` })
    .waitFor();
  const rows = page.getByRole("table", { name: "Episodes" }).getByRole("row");
  assert.equal(await rows.count(), 6 * TASKS + 1);
  await fits(page, "Episodes", [1280, 1180, 1179, 860, 390]);
  await page.getByRole("searchbox", { name: "Search" }).fill("persistent-habit_in_reset");
  await page
    .getByRole("status")
    .filter({ hasText: `${TASKS} of ${6 * TASKS} episodes` })
    .waitFor();
  await page.getByRole("checkbox", { name: "missing variable", exact: true }).check();
  assert.match(page.url(), /q=persistent-habit_in_reset&missing=1/);
  await rows.nth(1).getByRole("link").first().click();
  await page.getByRole("heading", { name: /^Turn 1 of/ }).waitFor();
  await page.goBack();
  await page
    .getByRole("status")
    .filter({ hasText: `of ${6 * TASKS} episodes` })
    .waitFor();
  assert.deepEqual(complaints, []);
});

test("keys lead from turn to turn, and a missing variable to the turn that had bound it", async () => {
  await using opened = await open(browser, `${view.url}${episode("persistent-habit_in_reset")}`);
  const { page, complaints } = opened;
  const now = async (number: number) => {
    await page.getByRole("heading", { name: new RegExp(`^Turn ${number} of`) }).waitFor();
    assert.equal(await page.getByRole("slider", { name: "Turn" }).getAttribute("aria-valuenow"), String(number));
  };
  await now(1);
  await page.keyboard.press("j");
  await now(2);
  await page.keyboard.press("ArrowLeft");
  await now(1);
  await page.keyboard.press("n");
  await now(2);
  assert.match(page.url(), /turn=2$/);
  assert.match(await words(page), /was bound in turn 1; the reset after that step took it away/);
  await page.getByRole("link", { name: "turn 1", exact: true }).click();
  await now(1);
  assert.match(await words(page), /The reset takes all \d+ away/);
  await page.keyboard.press("End");
  const last = Number(await page.getByRole("slider", { name: "Turn" }).getAttribute("aria-valuemax"));
  await now(last);
  await page.reload();
  await now(last);
  await page.getByRole("slider", { name: "Turn" }).click({ position: { x: 60, y: 30 } });
  await now(2);
  assert.deepEqual(complaints, []);
});

test("one click leads to the same task under the other state, aligned by step", async () => {
  await using opened = await open(browser, `${view.url}${episode("persistent-habit_in_reset")}`);
  const { page, complaints } = opened;
  await page.getByRole("link", { name: "Side by side with persistent" }).click();
  await page.getByText(/^Under reset the model wrote about .* times as many/).waitFor();
  const summary = page.getByRole("region", { name: "Summary" });
  const missing = await summary
    .getByRole("row", { name: /^Missing variables/ })
    .getByRole("cell")
    .allTextContents();
  assert.equal(Number.parseInt(missing[0] ?? "", 10), 0);
  assert(Number.parseInt(missing[1] ?? "", 10) > 0, missing.join());
  const first = page.getByRole("region", { name: "Step 1", exact: true });
  assert.match((await first.textContent()) ?? "", /the same code as A/);
  await page.keyboard.press("j");
  await page.locator("[aria-current=step]").filter({ hasText: "NameError" }).waitFor();
  assert.match(page.url(), /turn=2/);
  await page
    .getByRole("listitem")
    .filter({ hasText: /: turn 1, then reset;.*missed in turn 2/ })
    .first()
    .waitFor({ state: "attached" });
  assert.deepEqual(complaints, []);
});

test("chosen episodes are compared, up to four", async () => {
  await using opened = await open(browser, view.url);
  const { page, complaints } = opened;
  const boxes = page.getByRole("checkbox", { name: /^Choose / });
  for (let index = 0; index < 5; index++) await boxes.nth(index).check();
  await page.getByText("4 of 4 chosen").waitFor();
  await page.getByRole("link", { name: "Side by side", exact: true }).click();
  await page.getByRole("heading", { name: "Step by step" }).waitFor();
  assert.equal(await page.getByRole("region", { name: "Summary" }).getByRole("columnheader").count(), 4);
  assert.deepEqual(complaints, []);
});

test("a study shows its cells, linked to their episodes, and its report with figures", async () => {
  await using opened = await open(browser, view.url);
  const { page, complaints } = opened;
  await page.getByRole("link", { name: "Scripted habits in both runtimes" }).click();
  const cells = page.getByRole("region", { name: "Cells", exact: true });
  await cells.getByRole("row").nth(4).waitFor();
  await page.getByRole("heading", { name: "The cells" }).waitFor();
  await page.getByRole("link", { name: "One task under the four cells" }).click();
  await page.getByRole("heading", { name: "Step by step" }).waitFor();
  await page.goBack();
  await cells.getByRole("link").first().click();
  await page
    .getByRole("status")
    .filter({ hasText: `${TASKS} of ${6 * TASKS} episodes` })
    .waitFor();
  await page.goto(`${view.url}#/study/${encodeURIComponent("results.json")}`);
  const figure = page.getByRole("img", { name: /^Score/ });
  await figure.scrollIntoViewIfNeeded();
  await page.waitForFunction(() => [...document.images].some((image) => image.naturalWidth > 100));
  assert.deepEqual(complaints, []);
});

test("dropped traces are opened without the server", async () => {
  await using opened = await open(browser, view.url);
  const { page, complaints } = opened;
  await page.getByRole("status").filter({ hasText: "episodes" }).waitFor();
  const files = globSync("lossy/results/*/*/*.json", { cwd: study }).map((file) => join(study, file));
  await page.getByLabel("Traces to open").setInputFiles(files);
  await page
    .getByRole("status")
    .filter({ hasText: `${7 * TASKS} episodes` })
    .waitFor();
  const data = await page.evaluateHandle(
    (text) => {
      const data = new DataTransfer();
      data.items.add(new File([text], "dropped.trace.json"));
      data.items.add(new File(["{"], "broken.trace.json"));
      return data;
    },
    readFileSync(join(study, `${id("lossy").slice("a study/".length)}.trace.json`), "utf8"),
  );
  await page.dispatchEvent("body", "drop", { dataTransfer: data });
  await page
    .getByRole("status")
    .filter({ hasText: `${7 * TASKS + 1} episodes` })
    .waitFor();
  await page.getByText("1 trace could not be read").waitFor();
  await page.goto(`${view.url}#/episode/dropped`);
  await page.getByRole("heading", { name: /^Turn 1 of/ }).waitFor();
  assert.deepEqual(complaints, []);
});

test("a hostile trace runs no script, and breaks no rule of the page's policy", async () => {
  const runs = ["persistent-habit_in_reset", "lossy", "react", "persistent-habit_in_persistent"];
  const traces = runs.map((run) => join(study, `${id(run).slice("a study/".length)}.trace.json`));
  await using own = await Server.start("analysis", "view", hostile(traces));
  await using opened = await open(browser, own.url);
  const { page, complaints } = opened;
  await page
    .getByRole("status")
    .filter({ hasText: `${runs.length} episodes` })
    .waitFor();
  const index = (await (await fetch(new URL("api/index", own.url))).json()) as { rows: { id: string }[] };
  const ids = index.rows.map((row) => row.id);
  const places = [
    "#/",
    ...ids.flatMap((one) => [1, 2, 4].map((turn) => `#/episode/${encodeURIComponent(one)}?turn=${turn}`)),
    `#/compare?${new URLSearchParams(ids.map((one) => ["t", one]))}`,
    `#/?q=${encodeURIComponent("<img src=x onerror=window.hacked=30>")}`,
    `#/study/${encodeURIComponent("<script>window.hacked=31</script>")}`,
  ];
  for (const place of places) {
    await page.goto(`${own.url}${place}`);
    await page
      .getByRole("main")
      .getByText(/hacked|No episode|nothing of this name/)
      .first()
      .waitFor();
    // What is closed at first is drawn too.
    await page.evaluate(() => {
      for (const one of document.querySelectorAll("details")) one.open = true;
    });
    await page.mouse.move(400, 400);
    assert.equal(await page.evaluate(() => (window as { hacked?: unknown }).hacked), undefined, place);
    const foreign =
      "script:not([src='./index.js']), main img, iframe, object, base, form[action], style, [onerror], [onload], [onfocus], a[href^='javascript:']";
    assert.equal(await page.evaluate((selector) => document.querySelectorAll(selector).length, foreign), 0, place);
  }
  const refused = complaints.filter((said) => !said.includes("404"));
  assert.deepEqual(refused, []);
});

test("axe finds no serious fault, in light on a desktop, and in dark on a phone", async () => {
  const places = {
    list: "#/",
    episode: `${episode("persistent-habit_in_reset")}?turn=2`,
    react: `${episode("react")}?turn=2`,
    compare: `${compared("persistent-habit_in_persistent", "persistent-habit_in_reset")}&turn=2`,
    study: `#/study/${encodeURIComponent("a study")}`,
    nothing: "#/episode/none",
  };
  for (const [colorScheme, width] of [
    ["light", 1280],
    ["dark", 390],
  ] as const) {
    await using opened = await open(browser, view.url, { colorScheme, viewport: { width, height: 900 } });
    for (const [name, place] of Object.entries(places)) {
      await opened.page.goto(`${view.url}${place}`);
      await opened.page.getByRole("main").getByRole("heading").first().waitFor();
      await opened.page.waitForLoadState("networkidle");
      await accessible(opened.page, `${name}, ${colorScheme}, ${width}`);
      const overflows = await opened.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert(!overflows, `${name} is wider than ${width}`);
    }
  }
});

test("the reader chooses light or dark, and the choice is kept", async () => {
  await using opened = await open(browser, view.url, { colorScheme: "light" });
  const { page, complaints } = opened;
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.getByRole("button", { name: /^Colours: auto/ }).click();
  await page.getByRole("button", { name: /^Colours: light/ }).click();
  await page.getByRole("button", { name: /^Colours: dark/ }).waitFor();
  assert.notEqual(await paper(), light);
  await page.reload();
  await page.getByRole("button", { name: /^Colours: dark/ }).waitFor();
  assert.notEqual(await paper(), light);
  assert.deepEqual(complaints, []);
});
