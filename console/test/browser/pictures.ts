/** Draws the pictures of `docs/console.md`: `npm run pictures`. */

import { globSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import { play } from "./support/episodes.ts";
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
await browser.close();
