/** A real Chromium, and pages in it that report what a page should not do. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";

import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

import { ROOT } from "./programs.ts";

export async function launch(): Promise<Browser> {
  const executablePath = execFileSync(join(ROOT, "scripts/chromium.sh"), { encoding: "utf8" }).trim();
  // Chromium's sandbox needs rights that a container lacks.
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"];
  return chromium.launch({ executablePath, args, timeout: 120_000 });
}

/** A page, and the complaints of the browser about it: errors of scripts, and what its policy forbade. */
export async function open(browser: Browser, url: string, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (said) => ["error", "warning"].includes(said.type()) && complaints.push(said.text()));
  page.on("dialog", (dialog) => complaints.push(`a dialog: ${dialog.message()}`));
  page.on("request", (request) => {
    const asked = request.url();
    if (url.startsWith("http") && !asked.startsWith(new URL("/", url).href) && !asked.startsWith("data:"))
      complaints.push(`a request of ${asked}`);
  });
  await page.goto(url);
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
}

/** Fails if axe finds a serious fault. */
export async function accessible(page: Page, what: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const named = serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join("\n  ")}`);
  assert.deepEqual(named, [], what);
}

/** Fails if a cell of a table lies beyond the table's edge, in a window of any of these widths. */
export async function fits(page: Page, table: string, widths: number[]): Promise<void> {
  const size = page.viewportSize();
  for (const width of widths) {
    await page.setViewportSize({ width, height: 860 });
    const beyond = await page.getByRole("table", { name: table }).evaluate((table) => {
      const edge = table.getBoundingClientRect().right;
      const outside = (node: Element) =>
        node.getBoundingClientRect().right > edge || node.scrollWidth > node.clientWidth + 1;
      const cells = [...table.querySelectorAll('[role="cell"]')].filter(
        (cell) => getComputedStyle(cell).overflow !== "hidden",
      );
      return cells.filter(outside).map((cell) => `${cell.className}: ${cell.textContent}`);
    });
    assert.deepEqual(beyond, [], `${width} px`);
  }
  if (size) await page.setViewportSize(size);
}
