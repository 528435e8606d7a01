/** What has been opened, for all views. */

import { type Row, rowOf } from "./index/row.ts";
import { live } from "./live/live.svelte.ts";
import { asRow } from "./live/row.ts";
import { nowLink } from "./route.ts";
import { type NamedFile, places } from "./source/files.ts";
import { IS_LIVE } from "./source/live.ts";
import type { Opened, Place } from "./source/messages.ts";
import { placeOf, readIndex, type Study } from "./source/server.ts";
import { open, readRows, warm } from "./source/workers.ts";

/** Episodes that are kept in memory. */
const KEPT = 8;
/** Milliseconds between two looks at an index that is being made. */
const PAUSE = 250;

class Store {
  rows = $state.raw<Row[]>([]);
  studies = $state.raw<Study[]>([]);
  problems = $state.raw<string[]>([]);
  /** Traces that were found; more than rows while they are read. */
  found = $state(0);
  reading = $state(true);
  /** Whether a server gives episodes; files are dropped otherwise. */
  hasServer = $state(false);
  /** Ids of the rows chosen for a comparison. */
  chosen = $state.raw<string[]>([]);

  /** The page's first view. */
  readonly home = IS_LIVE ? nowLink() : "#/";

  readonly #byId = $derived(new Map(this.rows.map((row) => [row.id, row])));
  readonly #byTask = $derived(Map.groupBy(this.rows, (row) => row.task));

  readonly #dropped = new Map<string, Place>();
  readonly #opened = new Map<string, Promise<Opened>>();

  /** Follows what the server tells: as long as it lives, or until its index is complete. */
  async follow(): Promise<void> {
    if (IS_LIVE) {
      this.reading = false;
      return live.follow();
    }
    warm();
    for (let from = 0; ; ) {
      const part = await readIndex(from);
      if (!part) break;
      this.hasServer = true;
      from += part.rows.length;
      if (part.rows.length > 0) this.rows = [...this.rows, ...part.rows];
      this.found = part.found;
      this.studies = part.studies;
      this.problems = part.problems;
      if (part.done && from >= part.found - part.problems.length) break;
      if (part.rows.length === 0) await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    this.reading = false;
  }

  /** Adds dropped files. Says how many episodes they hold. */
  async add(files: NamedFile[]): Promise<number> {
    const added = places(files);
    for (const place of added) {
      this.#dropped.set(place.id, place);
      this.#opened.delete(place.id);
    }
    this.reading = true;
    this.found += added.length;
    await readRows(added, ({ rows, problems }) => {
      const read = new Set(rows.map((row) => row.id));
      this.rows = [...this.rows.filter((row) => !read.has(row.id)), ...rows];
      this.problems = [...this.problems, ...problems];
    });
    this.reading = false;
    this.found = this.rows.length;
    return added.length;
  }

  /** The rows whose task has the same id. */
  ofTask(row: Row): Row[] {
    const opened = this.#byTask.get(row.task) ?? [];
    if (!this.isLive(row.id)) return opened;
    void live.version;
    return [...opened, ...[...live.rows.values()].filter((one) => one.task === row.task).map(asRow)];
  }

  /** The row of an episode, if there is one. */
  row(id: string): Row | undefined {
    const row = this.isLive(id) ? live.row(id) : undefined;
    return row ? asRow(row) : this.#byId.get(id);
  }

  /** The row of an episode that has been read. What is known of a live one only with its steps comes from these. */
  rowOf(id: string, { episode, result, bytes }: Opened): Row {
    const [known, read] = [this.row(id), rowOf(id, episode, result, bytes)];
    return this.isLive(id) ? { ...read, run: known?.run ?? "", agent: known?.agent ?? id } : (known ?? read);
  }

  /** Whether the server has the episode, and no file that was opened. */
  isLive(id: string): boolean {
    return IS_LIVE && !this.#dropped.has(id);
  }

  /** Where a live episode stands, to be compared with where it stood; empty for one of a file. */
  standing(id: string): string {
    const row = this.isLive(id) ? live.row(id) : undefined;
    return row ? `${row.steps} ${row.end}` : "";
  }

  /** An episode; that of a file is read once as long as it is kept. */
  open(id: string): Promise<Opened> {
    if (this.isLive(id)) return live.episodes.open(id);
    const opened = this.#opened.get(id) ?? open(this.#dropped.get(id) ?? placeOf(id));
    this.#opened.delete(id);
    this.#opened.set(id, opened);
    opened.catch(() => this.#opened.delete(id));
    for (const old of [...this.#opened.keys()].slice(0, -KEPT)) this.#opened.delete(old);
    return opened;
  }

  /** Adds a row to the comparison, or takes it out. */
  choose(id: string, most: number): void {
    const others = this.chosen.filter((one) => one !== id);
    this.chosen = others.length < this.chosen.length ? others : [...this.chosen, id].slice(-most);
  }
}

export const store = new Store();
