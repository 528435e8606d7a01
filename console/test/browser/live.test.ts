import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { ATTACK } from "./support/hostile.ts";
import { Player, STEPS, tasks, tokens } from "./support/live.ts";
import { accessible, fits, launch, open } from "./support/page.ts";
import { Server } from "./support/programs.ts";

let browser: Browser;
before(async () => {
  [browser] = await Promise.all([launch(), tasks()]);
});
after(() => browser?.close());

const episode = (id: string, turn = 1) => `#/episode/${id}?turn=${turn}`;
const words = async (page: Page) => ((await page.textContent("main")) ?? "").replaceAll(/\s+/g, " ");
/** The number that stands for something on the page. */
const number = async (page: Page, of: string) => {
  const stat = page.locator("dl.stats > div").filter({ has: page.getByText(of, { exact: true }) });
  return Number.parseInt(((await stat.locator("dd").textContent()) ?? "").replaceAll(",", ""), 10);
};
const until = async (what: string, holds: () => Promise<boolean>) => {
  for (let tries = 0; tries < 200; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(what);
};
/** Complaints but those about answers that a test asked for. */
const others = (complaints: string[], ...statuses: number[]) =>
  complaints.filter((said) => !statuses.some((status) => said.includes(`status of ${status}`)));

test("what happens on a server under load is told as it happens", async () => {
  const { server, player } = await Player.start();
  await using _ = server;
  await using opened = await open(browser, `${server.url}/console`);
  const { page, complaints } = opened;
  assert.equal(new URL(page.url()).pathname, "/console/");
  await page.getByRole("status").filter({ hasText: "live" }).waitFor();
  await until("nothing runs", async () => (await number(page, "Running")) === 0);
  await page.getByText("No episode passes the filter.").waitFor();
  const ids = ["a", "b", "c", "d"];
  for (const [index, id] of ids.entries()) await player.create(id, index);
  await until("four run", async () => (await number(page, "Running")) === 4);
  const stop = new AbortController();
  const playing = player.play(ids, stop.signal);
  await until("steps are counted", async () => (await number(page, "Steps")) > 20);
  const before = await number(page, "Steps");
  await until("their number moves", async () => (await number(page, "Steps")) > before);
  await page.locator("figure").filter({ hasText: "Steps a second" }).locator("canvas").waitFor();
  const rate = page.locator("figure").filter({ hasText: "Steps a second" }).locator("b");
  await until("there is a rate", async () => Number(((await rate.textContent()) ?? "").replaceAll(",", "")) > 0);
  await page.getByRole("region", { name: "How steps ended" }).getByText("exception").waitFor();
  await page.getByRole("region", { name: "Tenants" }).getByRole("rowheader", { name: "default" }).first().waitFor();
  const rows = page.getByRole("table", { name: "Episodes" }).getByRole("row");
  assert.equal(await rows.count(), 5);
  await fits(page, "Episodes", [1280, 1180, 1179, 860, 390]);
  stop.abort();
  const taken = await playing;
  await until("all of them are told", async () => (await number(page, "Steps")) === taken);
  await player.call("CloseEpisode", { episodeId: "a" });
  await page.getByRole("region", { name: "Why episodes ended" }).getByText("closed").waitFor();
  await page.getByRole("combobox", { name: "Running or ended" }).selectOption("ended");
  await until("one row is left", async () => (await rows.count()) === 2);
  assert.match(page.url(), /#\/now\?ending=ended$/);
  await page.getByRole("combobox", { name: "Running or ended" }).selectOption("");
  await page.getByRole("searchbox", { name: "Search" }).fill("reset default");
  await until("two rows are left", async () => (await rows.count()) === 3);
  await rows.nth(1).getByRole("link").click();
  await page.getByRole("heading", { name: /^Turn 1 of/ }).waitFor();
  assert.deepEqual(complaints, []);
});

test("a server with tokens asks for one, and wants an operator's", async () => {
  const { server } = await Player.start("--tokens", tokens(), "--console", "write");
  await using _ = server;
  const red = new Player(server.url, "red");
  await red.create("mine", 0);
  await red.step("mine", 0, STEPS[0] ?? "");
  await using opened = await open(browser, `${server.url}/console/`);
  const { page, complaints } = opened;
  const field = page.getByLabel("Token", { exact: true });
  const go = page.getByRole("button", { name: "Go on" });
  await field.waitFor();
  assert.equal(await page.getByRole("alert").count(), 0, "nothing is wrong yet");
  await field.fill("nonsense");
  await go.click();
  await page.getByRole("alert").filter({ hasText: "does not accept this token" }).waitFor();
  await field.fill("red");
  await go.click();
  await page.getByRole("alert").filter({ hasText: "operator's token" }).waitFor();
  assert(!(await words(page)).includes("mine"), "a tenant's token shows nothing");
  await field.fill("boss");
  await field.press("Enter");
  await page.getByRole("table", { name: "Episodes" }).getByText("red / mine").waitFor();
  await page.reload();
  await page.getByRole("table", { name: "Episodes" }).getByRole("link").first().click();
  await page.getByText("Hidden from the agent").click();
  await page.getByRole("region", { name: "Hidden state" }).filter({ hasText: '"private"' }).waitFor();
  await page.getByRole("button", { name: "Fork before this turn" }).click();
  await page.getByRole("heading", { name: /forked before turn 1$/ }).waitFor();
  assert(!page.url().includes("boss"), page.url());
  const stored = await page.evaluate(() => [JSON.stringify(localStorage), document.cookie].join(" "));
  assert(!stored.includes("boss"), stored);
  assert.deepEqual(others(complaints, 401, 403), []);
});

test("an open episode grows with its steps", async () => {
  const { server, player } = await Player.start();
  await using _ = server;
  await player.create("grows");
  await using opened = await open(browser, `${server.url}/console/${episode("grows")}`);
  const { page, complaints } = opened;
  await page.getByText("No turn was taken yet.").waitFor();
  for (const [index, code] of STEPS.entries()) {
    await player.step("grows", index, code);
    await page.getByRole("heading", { name: `Turn 1 of ${index + 1}` }).waitFor();
  }
  await page.keyboard.press("n");
  await page.getByRole("heading", { name: `Turn 4 of ${STEPS.length}` }).waitFor();
  assert.match(await words(page), /NameError: name 'missing' is not defined/);
  await player.step("grows", STEPS.length, "print('more')");
  await page.getByRole("heading", { name: `Turn 4 of ${STEPS.length + 1}` }).waitFor();
  await player.call("CloseEpisode", { episodeId: "grows" });
  await page.getByText("ended by closed").waitFor();
  await page.getByRole("heading", { name: `Turn 4 of ${STEPS.length + 1}` }).waitFor();
  assert.equal(await page.getByRole("button", { name: /Fork/ }).count(), 0, "the page may only read");
  assert.equal(await page.getByText("Hidden from the agent").count(), 0, "nobody is an operator here");
  assert.deepEqual(complaints, []);
});

test("the same task under both states is compared as it runs", async () => {
  const { server, player } = await Player.start();
  await using _ = server;
  for (const [number, id] of ["left", "right"].entries()) {
    await player.create(id, number);
    await player.step(id, 0, STEPS[0] ?? "");
  }
  await using opened = await open(browser, `${server.url}/console/${episode("right")}`);
  const { page, complaints } = opened;
  await page.getByRole("link", { name: "Side by side with persistent" }).click();
  await page.getByRole("region", { name: "Step 1", exact: true }).waitFor();
  await player.step("right", 1, STEPS[1] ?? "");
  await page.getByRole("article", { name: "B, step 2" }).filter({ hasText: "name 'ids' is not defined" }).waitFor();
  assert.deepEqual(complaints, []);
});

test("a fork runs other code, and the difference is shown", async () => {
  const { server, player } = await Player.start("--console", "write");
  await using _ = server;
  await player.create("first");
  for (const [index, code] of STEPS.entries()) await player.step("first", index, code);
  await using opened = await open(browser, `${server.url}/console/${episode("first", 4)}`);
  const { page, complaints } = opened;
  await page.getByRole("button", { name: "Fork before this turn" }).click();
  const editor = page.getByRole("textbox", { name: "Code to run in the fork" });
  await page.locator("[data-editor] .cm-content").waitFor();
  assert.match((await editor.textContent()) ?? "", /print\(missing\)/, "it begins with what was run");
  const sheets = await page.evaluate(
    () => document.querySelector("[data-editor]")?.shadowRoot?.adoptedStyleSheets.length,
  );
  assert((sheets ?? 0) > 0, "its styles are made by script");
  const family = await page.locator("[data-editor] .cm-scroller").evaluate((node) => getComputedStyle(node).fontFamily);
  assert.match(family, /monospace/, "and hold");
  await editor.press("ControlOrMeta+a");
  await page.keyboard.type("jkn = len(ids)\nprint('another way', jkn)");
  await page.getByRole("button", { name: "Run in the fork" }).click();
  const fork = page.getByRole("article", { name: "B, step 4" });
  await fork.getByText(/another way \d+/).waitFor();
  await page
    .getByRole("article", { name: "A, step 4" })
    .getByText("NameError: name 'missing' is not defined")
    .waitFor();
  await page.getByText("1 step came to something else.").waitFor();
  await page.getByRole("article", { name: "A, step 5" }).waitFor();
  await page.getByText("B has not come here yet").waitFor();
  assert.equal(await page.getByRole("article", { name: "A, step 3" }).count(), 0, "they differ from turn 4 on");
  await editor.press("ControlOrMeta+a");
  await page.keyboard.type("print(jkn)");
  await page.keyboard.press("ControlOrMeta+Enter");
  await page
    .getByRole("article", { name: "B, step 5" })
    .getByText(/^\d+\s*$/)
    .waitFor();
  const { episodes } = await player.call("ListEpisodes", {});
  assert.deepEqual(
    episodes
      .map((one: { forkedFrom?: string; nextStepIndex: string }) => [one.forkedFrom ?? "", one.nextStepIndex])
      .sort(),
    [
      ["", "5"],
      ["first", "5"],
    ],
  );
  await page.getByRole("button", { name: "Close the fork" }).click();
  await page.getByText("The fork has ended: closed.").waitFor();
  await fork.getByText(/another way \d+/).waitFor();
  assert.deepEqual(complaints, []);
});

test("hostile code and output run no script, also in the editor", async () => {
  const { server, player } = await Player.start("--console", "write");
  await using _ = server;
  await player.create("hostile");
  const quoted = JSON.stringify(ATTACK);
  await player.step("hostile", 0, `# ${ATTACK.replaceAll("\n", "\n# ").replaceAll("\0", "")}\nprint(${quoted})`);
  await player.step("hostile", 1, `import sys\nsys.stderr.write(${quoted})\nraise ValueError(${quoted})`);
  await player.step("hostile", 2, ATTACK.replaceAll("\0", ""));
  const { episodes } = await player.call("ForkEpisode", {
    episodeId: "hostile",
    newEpisodeIds: ["copy"],
    atStepIndex: "0",
  });
  assert.equal(episodes.length, 1);
  await player.step("copy", 0, `print(${quoted}, 2)`);
  await using opened = await open(browser, `${server.url}/console/`);
  const { page, complaints } = opened;
  const search = encodeURIComponent("<img src=x onerror=window.hacked=30>");
  for (const place of [
    "#/now",
    `#/now?q=${search}&sort=${search}&state=${search}`,
    ...[1, 2, 3].map((turn) => episode("hostile", turn)),
    "#/fork?of=hostile&id=copy&turn=1",
    "#/compare?t=hostile&t=copy",
    `#/episode/${search}`,
  ]) {
    await page.goto(`${server.url}/console/${place}`);
    await page
      .getByRole("main")
      .getByText(/hacked|hostile|No episode passes|no such episode|unknown/)
      .first()
      .waitFor();
    if (place.startsWith("#/fork")) await page.locator("[data-editor] .cm-content").waitFor();
    await page.evaluate(() => {
      for (const one of document.querySelectorAll("details")) one.open = true;
    });
    await page.mouse.move(400, 400);
    assert.equal(await page.evaluate(() => (window as { hacked?: unknown }).hacked), undefined, place);
    const foreign =
      "script:not([src='./index.js']), main img, iframe, object, base, form[action], style, [onerror], [onload], [onfocus], a[href^='javascript:']";
    const found = await page.evaluate((selector) => {
      const roots = [document, ...[...document.querySelectorAll("*")].flatMap((node) => node.shadowRoot ?? [])];
      return roots.map((root) => root.querySelectorAll(selector).length).reduce((sum, one) => sum + one, 0);
    }, foreign);
    assert.equal(found, 0, place);
  }
  assert.deepEqual(others(complaints, 404), []);
});

test("a page whose server is gone says so, and goes on when it is back", async () => {
  const { server, player } = await Player.start();
  await player.create("lost");
  await using opened = await open(browser, `${server.url}/console/`);
  const { page, complaints } = opened;
  await page.getByText("default / lost").waitFor();
  await server[Symbol.asyncDispose]();
  await page.getByRole("status").filter({ hasText: "disconnected" }).waitFor();
  await page.getByText("default / lost").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("status").filter({ hasText: "disconnected" }).waitFor();
  const listen = ["--listen", new URL(server.url).host];
  await using again = await Server.start("env-server", "serve", "--tasks", await tasks(), ...listen);
  await page.getByRole("status").filter({ hasText: "live" }).waitFor();
  await page.getByText("No episode passes the filter.").waitFor();
  assert.equal(again.url, server.url);
  assert.deepEqual(
    complaints.filter((said) => !said.includes("net::ERR_")),
    [],
  );
});

test("axe finds no serious fault in the live views, in light on a desktop, and in dark on a phone", async () => {
  const [{ server, player }, guarded] = await Promise.all([
    Player.start("--console", "write"),
    Player.start("--tokens", tokens()),
  ]);
  await using _ = server;
  await using __ = guarded.server;
  await player.create("first");
  for (const [index, code] of STEPS.entries()) await player.step("first", index, code);
  await player.call("ForkEpisode", { episodeId: "first", newEpisodeIds: ["copy"], atStepIndex: "2" });
  await player.step("copy", 2, "print('another way')");
  const places = {
    now: `${server.url}/console/#/now`,
    episode: `${server.url}/console/${episode("first", 4)}`,
    fork: `${server.url}/console/#/fork?of=first&id=copy&turn=3`,
    token: `${guarded.server.url}/console/`,
  };
  for (const [colorScheme, width] of [
    ["light", 1280],
    ["dark", 390],
  ] as const) {
    for (const [name, place] of Object.entries(places)) {
      await using opened = await open(browser, place, { colorScheme, viewport: { width, height: 900 } });
      const { page } = opened;
      await page.getByRole("main").getByRole("heading").first().waitFor();
      if (name === "now") await page.locator("canvas").nth(2).waitFor();
      if (name === "fork") await page.locator("[data-editor] .cm-content").waitFor();
      await accessible(page, `${name}, ${colorScheme}, ${width}`);
      const overflows = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert(!overflows, `${name} is wider than ${width}`);
    }
  }
});
