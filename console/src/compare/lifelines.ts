/** When each name was alive: one line for each name, over the turns. */

import type { Fate, Turn } from "../trace/model.ts";

export interface Lifeline {
  name: string;
  /** From the turn that bound it to the last turn at whose end it was there. */
  spans: Span[];
  /** Turns that bound it. */
  bindings: { turn: number; fate: Fate; equal: boolean }[];
  /** Turns that missed it. */
  misses: number[];
}

export interface Span {
  from: number;
  to: number;
  /** How it ended: by the reset, with the interpreter's state, by a deletion, or with the episode. */
  end: "reset" | "lost" | "deleted" | "episode";
}

/** The lines of all names, in the order in which they were first bound or missed. */
export function lifelines(turns: Turn[]): Map<string, Lifeline> {
  const lines = new Map<string, Lifeline>();
  const open = new Map<string, Span>();
  const line = (name: string) => {
    const known = lines.get(name) ?? { name, spans: [], bindings: [], misses: [] };
    lines.set(name, known);
    return known;
  };
  const close = (name: string, end: Span["end"]) => {
    const span = open.get(name);
    if (span) span.end = end;
    open.delete(name);
  };
  for (const { number, names, missing } of turns) {
    for (const name of names?.lost ?? []) close(name, "lost");
    for (const { name, fate, equal } of names?.names ?? []) {
      if (fate === "deleted") {
        close(name, "deleted");
        continue;
      }
      const own = line(name);
      if (fate !== "kept") own.bindings.push({ turn: number, fate, equal });
      const span = open.get(name);
      if (span) {
        span.to = number;
      } else {
        const begun: Span = { from: number, to: number, end: "episode" };
        own.spans.push(begun);
        open.set(name, begun);
      }
    }
    if (missing) line(missing.name).misses.push(number);
    if (names?.taken && number < turns.length) for (const name of [...open.keys()]) close(name, "reset");
  }
  return lines;
}

/** The names of several episodes, in the order of the first turn that has them. */
export function namesOf(all: Map<string, Lifeline>[]): string[] {
  const first = new Map<string, number>();
  for (const lines of all) {
    for (const { name, bindings, misses } of lines.values()) {
      const turn = Math.min(bindings[0]?.turn ?? Infinity, misses[0] ?? Infinity);
      first.set(name, Math.min(first.get(name) ?? Infinity, turn));
    }
  }
  return [...first].sort((a, b) => a[1] - b[1]).map(([name]) => name);
}
