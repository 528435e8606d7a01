/** The turns of an episode as bars. A few paths draw all of them, however many they are. */

import type { Outcome, Turn } from "../trace/model.ts";
import { type Scale, short, startOf } from "./scale.ts";

export interface Bars {
  /** The bars, by outcome. */
  outcomes: [outcome: Outcome, path: string][];
  /** Crosses above turns that missed a variable. */
  missing: string;
  /** Rings above turns with other errors. */
  errors: string;
  /** Lines before turns that lost the interpreter's state. */
  lost: string;
}

/** Bars of this width have marks above them. */
const MARKED = 6;

export function barsOf(turns: Turn[], scale: Scale, top: number, bottom: number, most: number): Bars {
  const paths = new Map<Outcome, string>();
  const drawn: Bars = { outcomes: [], missing: "", errors: "", lost: "" };
  const wide = Math.max(0.5, scale.step - scale.gap);
  // Turns that share a pixel are one bar: as high as the highest, with the outcome of the first that failed.
  const each = Math.max(1, Math.ceil(0.5 / scale.step));
  for (let index = 0; index < turns.length; index += each) {
    const group = each === 1 ? [turns[index] as Turn] : turns.slice(index, index + each);
    const turn = group.find(({ outcome }) => outcome !== "o") ?? (group[0] as Turn);
    const written = Math.max(...group.map(({ tokens }) => tokens.written));
    const x = startOf(index + 1, scale);
    const tall = Math.max(3, (written / most) * (bottom - top));
    const bar = `M${short(x)} ${short(bottom - tall)}h${short(wide)}v${short(tall)}h${short(-wide)}z`;
    paths.set(turn.outcome, (paths.get(turn.outcome) ?? "") + bar);
    const [middle, above] = [x + wide / 2, bottom - tall - 7];
    if (turn.outcome === "m" && wide >= MARKED) drawn.missing += cross(middle, above, 3);
    if (turn.outcome === "e" && wide >= MARKED) drawn.errors += ring(middle, above, 3);
    if (group.some(({ stateLost }) => stateLost)) drawn.lost += `M${short(x - scale.gap / 2)} 0V${bottom}`;
  }
  drawn.outcomes = [...paths];
  return drawn;
}

export function cross(x: number, y: number, radius: number): string {
  const [side, back] = [short(2 * radius), short(-2 * radius)];
  return `M${short(x - radius)} ${short(y - radius)}l${side} ${side}m0 ${back}l${back} ${side}`;
}

export function ring(x: number, y: number, radius: number): string {
  const side = short(2 * radius);
  return `M${short(x - radius)} ${short(y)}a${radius} ${radius} 0 1 0 ${side} 0a${radius} ${radius} 0 1 0 -${side} 0`;
}
