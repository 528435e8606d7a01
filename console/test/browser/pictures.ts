/** Draws the pictures of `docs/console.md`: `npm run pictures`. */

import { globSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "playwright-core";

import { play } from "./support/episodes.ts";
import { Player, STEPS, tokens } from "./support/live.ts";
import { launch, open } from "./support/page.ts";
import { ROOT, Server } from "./support/programs.ts";

const FOLDER = join(ROOT, "docs/console");
mkdirSync(FOLDER, { recursive: true });

const [browser, study] = await Promise.all([launch(), play()]);
await using view = await Server.start("analysis", "view", study);
const id = (run: string) => {
  const [file = ""] = globSync(`${run}/results/*/*/*.trace.json`, { cwd: study }).sort();
  return `a study/${file.replace(".trace.json", "")}`;
};
const compared = `#/compare?${new URLSearchParams([
  ["t", id("persistent-habit_in_persistent")],
  ["t", id("persistent-habit_in_reset")],
  ["turn", "2"],
])}`;
const episode = `#/episode/${encodeURIComponent(id("persistent-habit_in_reset"))}?turn=2`;

/** A picture: the place, the size, the scheme, and the height at which it is cut. */
const PICTURES = {
  list: { place: "#/", width: 1200, height: 760 },
  episode: { place: episode, width: 1200, height: 760 },
  side_by_side: { place: compared, width: 1200, height: 1000 },
  steps: { place: compared, width: 1200, height: 760, scrollTo: "#steps" },
  study: { place: `#/study/${encodeURIComponent("a study")}`, width: 1200, height: 900 },
  dark: { place: compared, width: 1200, height: 760, colorScheme: "dark" },
  phone: { place: episode, width: 390, height: 844, colorScheme: "dark" },
} as const;

/** What an agent wrote, and what a person tries instead of its third step. */
const FORKED = [
  "import json\nids = json.loads(list_items())\nprint(len(ids), 'items')",
  "seen = {}\nfor item in ids[:4]:\n    seen[item] = json.loads(inspect(item))\nprint(len(seen), 'seen')",
  "best = max(seen, key=lambda item: seen[item]['worth'])\nprint(best)",
  "print(sorted(seen)[:2])",
];
const INSTEAD = `# What does an answer hold?
first = seen[ids[0]]
print(first)\nprint(max(seen, key=lambda item: seen[item]["value"]))
`;

for (const [name, picture] of Object.entries(PICTURES)) {
  const { place, width, height } = picture;
  const colorScheme = "colorScheme" in picture ? picture.colorScheme : "light";
  await using opened = await open(browser, `${view.url}${place}`, { colorScheme, viewport: { width, height } });
  const { page } = opened;
  await page.getByRole("main").getByRole("heading").first().waitFor();
  await page.waitForLoadState("networkidle");
  if ("scrollTo" in picture)
    await page.evaluate((to) => document.querySelector(to)?.scrollIntoView(), picture.scrollTo);
  await page.waitForTimeout(200);
  await page.screenshot({ path: join(FOLDER, `${name}.png`) });
}

{
  const options = ["--tokens", tokens(), "--console", "write", "--server-name", "north", "--max-awake", "20"];
  const { server, player } = await Player.start(...options);
  await using _ = server;
  const [stop, tenants] = [new AbortController(), ["red", "blue", "green"]];
  const playing = tenants.map(async (token, tenant) => {
    const own = new Player(player.url, token);
    const ids = Array.from({ length: 12 - 3 * tenant }, (_, index) => `north.${token}-${index + 1}`);
    for (const [index, id] of ids.entries()) await own.create(id, index + tenant);
    await own.play(ids.slice(2), stop.signal, [...STEPS, "sum(range(200_000))"], 40);
  });
  const red = new Player(player.url, "red");
  const live = async (name: string, place: string, height: number, prepare: (page: Page) => Promise<void>) => {
    await using opened = await open(browser, "about:blank", { viewport: { width: 1200, height } });
    const { page } = opened;
    await page.addInitScript(() => sessionStorage.setItem("runtime-gym-token", "boss"));
    await page.goto(`${server.url}/console/${place}`);
    await prepare(page);
    await page.waitForTimeout(300);
    await page.screenshot({ path: join(FOLDER, `${name}.png`) });
  };
  await live("now", "#/now", 1000, async (page) => {
    await page.waitForTimeout(60_000);
  });
  stop.abort();
  await Promise.all(playing);
  await red.create("north.first", 4);
  for (const [index, code] of FORKED.entries()) await red.step("north.first", index, code);
  await live("fork", "#/episode/north.first?turn=3", 1000, async (page) => {
    await page.getByRole("button", { name: "Fork before this turn" }).click();
    const editor = page.getByRole("textbox", { name: "Code to run in the fork" });
    await page.locator("[data-editor] .cm-content").waitFor();
    await editor.press("ControlOrMeta+a");
    await page.keyboard.insertText(INSTEAD);
    await page.getByRole("button", { name: "Run in the fork" }).click();
    await page.getByRole("article", { name: "B, step 3" }).waitFor();
    await page.getByText("B has not come here yet").first().waitFor();
    await page.evaluate(() => scrollTo(0, 0));
  });
}
await browser.close();
