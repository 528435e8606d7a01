/** The live episodes that have been opened. They are read page by page, and later only from their last step on. */

import type { Opened } from "../source/messages.ts";
import { list, object, text } from "../trace/json.ts";
import { type Described, indexOf, nextOf, readEpisode } from "./episode.ts";

/** Episodes that are kept. */
const KEPT = 8;

/** A call of the service. */
export type Call = (method: string, request: unknown) => Promise<unknown>;

export class LiveEpisodes {
  readonly #call: Call;
  readonly #known = new Map<string, Described>();
  readonly #under = new Map<string, Promise<Opened>>();

  constructor(call: Call) {
    this.#call = call;
  }

  /** Forgets everything: another server answers now. */
  clear(): void {
    this.#known.clear();
    this.#under.clear();
  }

  /** An episode as it is now. One that is already being read is not read a second time. */
  open(id: string): Promise<Opened> {
    const under = this.#under.get(id) ?? this.#read(id).finally(() => this.#under.delete(id));
    this.#under.set(id, under);
    return under;
  }

  async #read(id: string): Promise<Opened> {
    const records = [...(this.#known.get(id)?.records ?? [])];
    const next = () => (records.length > 0 ? indexOf(object(records.at(-1))) + 1 : 0);
    let token = next() > 0 ? String(next()) : "";
    let answer = {};
    do {
      const { steps, nextStepPageToken, ...rest } = object(await this.#page(id, token));
      answer = rest;
      records.push(
        ...list(steps)
          .map(object)
          .filter((record) => indexOf(record) >= next()),
      );
      token = text(nextStepPageToken);
    } while (token !== "");
    const described = { answer, records };
    this.#known.delete(id);
    this.#known.set(id, described);
    for (const old of [...this.#known.keys()].slice(0, -KEPT)) this.#known.delete(old);
    return { ...readEpisode(described), bytes: 0 };
  }

  /** A page of an episode's steps. Where the server has forgotten the step, those that it still has. */
  async #page(id: string, token: string): Promise<unknown> {
    const request = (token: string) => ({ episodeId: id, includeSteps: true, stepPageToken: token });
    try {
      return await this.#call("GetEpisode", request(token));
    } catch (error) {
      if (token === "") throw error;
      return this.#call("GetEpisode", request(""));
    }
  }

  /** The index of an episode's next step, as it was when the episode was last read. */
  next(id: string): number {
    const known = this.#known.get(id);
    return known ? nextOf(known) : 0;
  }
}
