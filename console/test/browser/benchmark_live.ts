/** What the page costs with 10,000 live episodes, and what a page costs the server. */

import type { Page } from "playwright-core";

import { Player } from "./support/live.ts";
import { launch, open } from "./support/page.ts";

/** Episodes on the server. */
const EPISODES = 10_000;
/** Of these, those that take steps, and calls under way. */
const [PLAYING, AT_A_TIME] = [1000, 64];
/** Milliseconds of a measurement of the server's speed, and how often it is repeated with a page and without. */
const [SPAN, ROUNDS] = [6000, 4];

type Print = (what: string, value: number, unit: string, goal: number) => void;

/** Steps of all playing episodes, one call of many steps after the other, until it is stopped. */
class Load {
  readonly #player: Player;
  readonly #next: number[] = Array.from({ length: PLAYING }, () => 0);
  taken = 0;

  constructor(player: Player) {
    this.#player = player;
  }

  async run(signal: AbortSignal): Promise<void> {
    const share = PLAYING / 2;
    await Promise.all([0, share].map((from) => this.#each(from, share, signal)));
  }

  async #each(from: number, count: number, signal: AbortSignal): Promise<void> {
    const each = 100;
    for (let at = 0; !signal.aborted; at = (at + each) % count) {
      const steps = Array.from({ length: each }, (_, index) => {
        const episode = from + at + index;
        const next = this.#next[episode] ?? 0;
        this.#next[episode] = next + 1;
        return { episodeId: `e${episode}`, stepIndex: String(next), code: { code: "n = 1" } };
      });
      await this.#player.call("StepBatch", { steps });
      this.taken += each;
    }
  }

  /** Steps a second over a while. */
  async rate(): Promise<number> {
    const [before, began] = [this.taken, performance.now()];
    await new Promise((resolve) => setTimeout(resolve, SPAN));
    return ((this.taken - before) / (performance.now() - began)) * 1000;
  }
}

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

export async function benchmarkLive(print: Print): Promise<void> {
  const most = ["--max-episodes", String(EPISODES + 10), "--max-awake", "2000", "--max-steps", "1000000"];
  const { server, player } = await Player.start(...most);
  await using _ = server;
  for (let from = 0; from < EPISODES; from += AT_A_TIME) {
    const some = Array.from({ length: Math.min(AT_A_TIME, EPISODES - from) }, (_, index) => from + index);
    await Promise.all(some.map((number) => player.create(`e${number}`, number)));
  }
  const load = new Load(player);
  const stop = new AbortController();
  const playing = load.run(stop.signal);
  await load.rate();
  const browser = await launch();
  const alone: number[] = [];
  const watched: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(await load.rate());
    // A subscriber that does nothing with what it hears: the page itself takes processors that the server would use.
    const listening = new AbortController();
    const heard = listen(`${server.url}/console/api/live`, listening.signal);
    watched.push(await load.rate());
    listening.abort();
    bytes.push((await heard) / (SPAN / 1000));
  }
  print("steps a second, nobody listens", median(alone), "/s", Number.POSITIVE_INFINITY);
  print("steps a second, one page listens", median(watched), "/s", Number.POSITIVE_INFINITY);
  print("what listening costs of the steps", (1 - median(watched) / median(alone)) * 100, "%", 3);
  print("what a page is told, with 1,000 episodes that step", median(bytes) / 1000, "kB/s", Number.POSITIVE_INFINITY);
  const began = performance.now();
  await using opened = await open(browser, `${server.url}/console/`);
  const { page } = opened;
  await page.getByText(`${EPISODES.toLocaleString("en")} episodes`).waitFor();
  print("10,000 live episodes, from the address to the list", performance.now() - began, "ms", 2000);
  await page.waitForTimeout(3000);
  print("  a filter, from the key to the list", await filtered(page), "ms", 100);
  const frames = await scrolled(page);
  print("  scrolling under load, the median frame", frames.median, "ms", 20);
  print("  scrolling under load, the longest frame", frames.longest, "ms", 100);
  print("  the page's memory", await memory(page), "MB", 150);
  stop.abort();
  await playing;
  const quiet = await scrolled(page);
  print("  scrolling while nothing steps, the median frame", quiet.median, "ms", 20);
  print("  scrolling while nothing steps, the longest frame", quiet.longest, "ms", 100);
  await browser.close();
}

const bytes: number[] = [];

/** Listens until it is told to stop. Returns how many bytes it heard after the first event. */
async function listen(url: string, signal: AbortSignal): Promise<number> {
  let [heard, first] = [0, true];
  try {
    const answer = await fetch(url, { signal });
    for await (const chunk of answer.body ?? []) {
      if (!first) heard += chunk.length;
      else first = !new TextDecoder().decode(chunk).includes("\n\n");
    }
  } catch {
    // It was told to stop.
  }
  return heard;
}

/** Milliseconds until the list follows a search; the median of some. */
async function filtered(page: Page): Promise<number> {
  const times: number[] = [];
  for (const word of ["e77", "e9", "e9999", "reset", "persistent e4"]) {
    times.push(
      await page.evaluate(async (word) => {
        const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
        const search = document.querySelector<HTMLInputElement>("input[type=search]");
        const count = () => document.querySelector("section.list .count")?.textContent;
        const before = count();
        const began = performance.now();
        if (search) search.value = word;
        search?.dispatchEvent(new Event("input", { bubbles: true }));
        while (count() === before) await frame();
        await frame();
        return performance.now() - began;
      }, word),
    );
  }
  await page.getByRole("button", { name: "Clear" }).click();
  return median(times);
}

/** Times between frames while the list is scrolled for three seconds, in milliseconds. */
async function scrolled(page: Page): Promise<{ median: number; longest: number }> {
  const times = await page.evaluate(async () => {
    const times: number[] = [];
    const began = performance.now();
    let last = began;
    while (last - began < 3000) {
      scrollBy(0, 400);
      const now = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
      times.push(now - last);
      last = now;
    }
    scrollTo(0, 0);
    return times.slice(2);
  });
  return { median: median(times), longest: Math.max(...times) };
}

/** What the page's scripts hold, in MB. */
async function memory(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  return usedSize / 1e6;
}
