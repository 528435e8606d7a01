/** What the server tells while it runs, for all views. */

import { call, IS_LIVE, listen, Refused } from "../source/live.ts";
import { list, object } from "../trace/json.ts";
import { LiveEpisodes } from "./episodes.ts";
import { type Now, readNow, readServer, type Server } from "./now.ts";
import { keyOf, type LiveRow, moved, readLiveRow } from "./row.ts";
import { extended, NO_SERIES, type Series } from "./series.ts";

const KEY = "runtime-gym-token";
/** Milliseconds before another attempt, at first and at most. */
const [FIRST_WAIT, MOST_WAIT] = [500, 10_000];

/** Where the page and the server stand: nobody has asked yet, on the way, a token is needed, connected, or not. */
export type Connection = "none" | "connecting" | "token" | "connected" | "lost";

class Live {
  connection = $state<Connection>("none");
  /** Why the server does not answer, or why another token is needed. */
  problem = $state("");
  server = $state.raw<Server>();
  now = $state.raw<Now>();
  series = $state.raw<Series>(NO_SERIES);
  /** The episodes by key. It is changed in place: whoever reads it reads `version`, too. */
  readonly rows = new Map<string, LiveRow>();
  version = $state(0);

  readonly episodes = new LiveEpisodes((method, request) => this.call(method, request));
  /** The newest key of each id. */
  readonly #keys = new Map<string, string>();
  #token = kept();
  #stop = new AbortController();
  #wake: (() => void) | undefined;

  /** A call of the service, with the token. */
  call(method: string, request: unknown): Promise<unknown> {
    return call(this.#token, method, request);
  }

  /** The episode with this id, as it is told. */
  row(id: string): LiveRow | undefined {
    void this.version;
    return this.rows.get(this.#keys.get(id) ?? "");
  }

  /** Uses a token from now on, as long as this tab is open. */
  use(token: string): void {
    this.#token = token;
    try {
      sessionStorage.setItem(KEY, token);
    } catch {
      // Without storage the token lasts as long as the page.
    }
    this.retry();
  }

  /** Tries again at once. */
  retry(): void {
    if (this.connection === "token") this.follow();
    else this.#wake?.();
  }

  /** Listens, again and again, until a token is needed. */
  async follow(): Promise<void> {
    if (!IS_LIVE) return;
    this.#stop.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    this.connection = "connecting";
    this.problem = "";
    for (let wait = FIRST_WAIT; !signal.aborted; ) {
      let hasTold = false;
      try {
        await listen(this.#token, signal, (kind, data) => {
          this.#take(kind, data);
          hasTold = true;
          wait = FIRST_WAIT;
        });
        // The server ends a stream now and then.
        if (hasTold) {
          await pause(100);
          continue;
        }
        this.problem = "the server has ended the stream";
      } catch (error) {
        if (signal.aborted) return;
        this.problem = error instanceof Error ? error.message : String(error);
        if (error instanceof Refused && error.isOfToken) {
          this.connection = "token";
          // Nobody has given a token yet: there is nothing wrong with it.
          if (this.#token === "") this.problem = "";
          return;
        }
      }
      this.connection = "lost";
      await Promise.race([pause(wait), new Promise<void>((resolve) => (this.#wake = resolve))]);
      wait = Math.min(MOST_WAIT, wait * 2);
    }
  }

  #take(kind: string, data: unknown): void {
    const told = object(data);
    if (kind === "whole") {
      const server = readServer(told.server, told.allowed);
      if (this.server && this.server.bootId !== server.bootId) {
        this.series = NO_SERIES;
        this.now = undefined;
        this.episodes.clear();
      }
      this.server = server;
      this.rows.clear();
      this.#keys.clear();
      this.connection = "connected";
      this.problem = "";
    }
    if (told.now !== undefined && told.now !== null) {
      const now = readNow(told.now);
      this.series = extended(this.series, now, this.now);
      this.now = now;
    }
    for (const value of list(told.rows)) this.#put(readLiveRow(value));
    for (const value of list(told.moved)) {
      const row = this.rows.get(keyOf(value));
      if (row) this.#put(moved(row, value));
    }
    for (const value of list(told.removed)) {
      const row = this.rows.get(keyOf(value));
      if (row && this.rows.delete(row.key) && this.#keys.get(row.id) === row.key) this.#keys.delete(row.id);
    }
    if (kind === "whole" || told.rows || told.moved || told.removed) this.version += 1;
  }

  #put(row: LiveRow): void {
    this.rows.set(row.key, row);
    this.#keys.set(row.id, row.key);
  }
}

function kept(): string {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

export const live = new Live();
