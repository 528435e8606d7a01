import { flag, type Json, list, object, text, texts } from "./json.ts";
import type { Fate, Missing, Name, Names, State } from "./model.ts";

interface Bound {
  /** The last turn that bound it, from 1. */
  turn: number;
  /** Digest of the value, if it is known. */
  digest: string | undefined;
  /** It was in the interpreter when the state was lost. */
  lost: boolean;
}

/** The names of an episode so far. */
export class Namespace {
  readonly #state: State;
  #alive: string[] = [];
  readonly #bound = new Map<string, Bound>();

  constructor(state: State) {
    this.#state = state;
  }

  /** What a step did. `info` is the step's record. */
  after(turn: number, info: Json): Names {
    const persists = this.#state === "persistent";
    const lost = flag(info.state_lost) ? this.#alive : [];
    for (const name of lost) {
      const bound = this.#bound.get(name);
      if (bound) bound.lost = true;
    }
    const before = new Set(lost.length > 0 ? [] : this.#alive);
    const definitions = new Map(
      list(info.definitions)
        .map(object)
        .map((one) => [text(one.name), text(one.digest)]),
    );
    // After a step of a resetting interpreter nothing else can be there.
    const now = persists ? texts(info.globals) : [...definitions.keys()].sort();
    const names: Name[] = now.map((name) => {
      const digest = definitions.get(name);
      const bound = this.#bound.get(name);
      const fate = fateOf(bound, before.has(name), digest);
      const equal = fate === "again" && digest !== undefined && digest === bound?.digest;
      if (fate !== "kept") this.#bound.set(name, { turn, digest, lost: false });
      return { name, fate, equal };
    });
    const left = new Set(now);
    for (const name of before) if (!left.has(name)) names.push({ name, fate: "deleted", equal: false });
    this.#alive = persists ? now : [];
    return { lost, names, taken: !persists };
  }

  /** Where a name that is missing now was bound, and why it is gone. */
  missing(name: string): Missing {
    const bound = this.#bound.get(name);
    if (!bound) return { name, why: "no turn before had bound it" };
    const why =
      this.#state === "reset"
        ? "the reset after that step took it away"
        : bound.lost
          ? "it was lost with the interpreter's state"
          : "it was deleted since then";
    return { name, turn: bound.turn, why };
  }
}

function fateOf(bound: Bound | undefined, before: boolean, digest: string | undefined): Fate {
  if (!bound) return "new";
  if (!before) return "again";
  if (digest === undefined) return "kept";
  return bound.digest === digest ? "same" : "changed";
}

/** Whether a step bound a name that had a value before, after it was gone or to an equal value. */
export function isBoundAgain(name: Name): boolean {
  return name.fate === "again" || name.fate === "same";
}
