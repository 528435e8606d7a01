/** Several episodes, aligned by step. */

import type { Episode, Turn } from "../trace/model.ts";

/** The letters of the columns. */
export const LETTERS = ["A", "B", "C", "D"] as const;

export interface Cell {
  /** None if the episode has ended before. */
  turn: Turn | undefined;
  /** The letter of the first column whose turn ran the same code, if it is another one. */
  sameAs: string | undefined;
  /** Names that are alive after this step here, and in no other column. */
  only: Set<string>;
}

export interface AlignedStep {
  /** From 1. */
  number: number;
  cells: Cell[];
}

/** The steps of all episodes, one row for each. */
export function align(episodes: Pick<Episode, "turns">[]): AlignedStep[] {
  const length = Math.max(0, ...episodes.map(({ turns }) => turns.length));
  return Array.from({ length }, (_, index) => {
    const turns = episodes.map((episode) => episode.turns[index]);
    const alive = turns.map((turn) => new Set(turn ? aliveAfter(turn) : []));
    const cells = turns.map((turn, column) => {
      const twin = turn?.code ? turns.findIndex((other) => other?.code === turn.code) : column;
      const others = alive.filter((_, other) => other !== column);
      return {
        turn,
        sameAs: twin < column && twin >= 0 ? LETTERS[twin] : undefined,
        only: new Set([...(alive[column] ?? [])].filter((name) => !others.some((names) => names.has(name)))),
      };
    });
    return { number: index + 1, cells };
  });
}

/** The names that the next step finds: after a reset there are none. */
export function aliveAfter({ names }: Turn): string[] {
  if (!names || names.taken) return [];
  return names.names.filter((one) => one.fate !== "deleted").map((one) => one.name);
}
