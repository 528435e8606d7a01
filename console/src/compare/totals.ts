/** What an episode came to, for the line above its column. */

import type { Episode } from "../trace/model.ts";

export interface Totals {
  turns: number;
  written: number;
  all: number;
  estimated: boolean;
  /** Turns that missed a variable. */
  missing: number;
  otherErrors: number;
  /** Names that were bound again: after they were gone, or to an equal value. */
  again: number;
  /** Of these, those that got the value that they had. */
  equal: number;
  /** Estimate of the written tokens that bound names again. */
  rewritten: number;
  /** Tokens written in the turns that bound names again. */
  inTurns: number;
  /** Names that resets, lost state and deletions took away, counted at each step. */
  taken: number;
}

export function totals({ turns, tokens }: Pick<Episode, "turns" | "tokens">): Totals {
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
  const again = turns.map(
    (turn) => turn.names?.names.filter((one) => one.fate === "again" || one.fate === "same") ?? [],
  );
  return {
    turns: turns.length,
    written: sum(turns.map((turn) => turn.tokens.written)) || tokens.written,
    all: sum(turns.map((turn) => turn.tokens.total)) || tokens.total,
    estimated: tokens.estimated || turns.some((turn) => turn.tokens.estimated),
    missing: turns.filter((turn) => turn.outcome === "m").length,
    otherErrors: turns.filter((turn) => turn.outcome === "e").length,
    again: sum(again.map((names) => names.length)),
    equal: sum(again.map((names) => names.filter((one) => one.fate === "same" || one.equal).length)),
    rewritten: sum(turns.map((turn) => turn.rewritten)),
    inTurns: sum(turns.map((turn, index) => ((again[index]?.length ?? 0) > 0 ? turn.tokens.written : 0))),
    taken: sum(turns.map((turn, index) => gone(turn.names, index === turns.length - 1))),
  };
}

function gone(names: Episode["turns"][number]["names"], isLast: boolean): number {
  if (!names) return 0;
  const deleted = names.names.filter((one) => one.fate === "deleted").length;
  return names.lost.length + deleted + (names.taken && !isLast ? names.names.length - deleted : 0);
}
