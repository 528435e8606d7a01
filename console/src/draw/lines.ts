/** The lines of names over turns, as paths. */

import type { Lifeline } from "../compare/lifelines.ts";
import { cross } from "./bars.ts";
import { type Scale, short, startOf } from "./scale.ts";

export interface Lines {
  /** Strokes from where a name was bound to where it was last alive. */
  alive: string;
  /** Strokes where a reset took a name away, and where it was lost with the interpreter's state. */
  reset: string;
  lost: string;
  /** Points where a name was bound again. */
  again: string;
  /** Crosses where a name was missed. */
  missed: string;
}

/** The width of an alive stroke. */
export const STROKE = 8;

/** Draws the lines of these names, `high` pixels for each. */
export function linesOf(names: string[], lines: Map<string, Lifeline>, scale: Scale, high: number): Lines {
  const drawn: Lines = { alive: "", reset: "", lost: "", again: "", missed: "" };
  const radius = radiusOf(scale);
  const wide = scale.step - scale.gap;
  // Round ends are beyond a stroke's own.
  const inset = hasRoundEnds(scale) ? STROKE / 2 : 0;
  names.forEach((name, place) => {
    const line = lines.get(name);
    const y = place * high + high / 2;
    let last = Number.NEGATIVE_INFINITY;
    for (const { from, to, end } of line?.spans ?? []) {
      const [left, right] = [startOf(from, scale), startOf(to + 1, scale) - scale.gap];
      // What shares a pixel with the one before can't be seen.
      if (right - last < 0.5) continue;
      last = right;
      drawn.alive += `M${short(left + inset)} ${y}H${short(Math.max(right - inset, left + inset + 0.5))}`;
      if (end === "reset" || end === "lost") drawn[end] += `M${short(right + scale.gap / 2)} ${y - 7}v14`;
    }
    last = Number.NEGATIVE_INFINITY;
    for (const { turn, fate } of line?.bindings ?? []) {
      const middle = startOf(turn, scale) + wide / 2;
      if ((fate !== "again" && fate !== "same") || middle - last < 0.5) continue;
      last = middle;
      drawn.again += `M${short(middle)} ${y}h.01`;
    }
    for (const turn of line?.misses ?? []) drawn.missed += cross(startOf(turn, scale) + wide / 2, y, radius);
  });
  return drawn;
}

/** The radius of points and crosses. */
export function radiusOf({ step }: Scale): number {
  return Math.min(4, Math.max(1, step / 4));
}

export function hasRoundEnds({ step, gap }: Scale): boolean {
  return step - gap >= STROKE + 2;
}
