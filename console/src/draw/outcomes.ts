/** The outcomes of turns as a small picture: a path for each outcome. */

import { short } from "./scale.ts";

/** Low bars for turns that ran, high ones for the others. Turns that share a pixel are one bar. */
export function outcomeBars(outcomes: string, width: number, height: number): [outcome: string, path: string][] {
  const step = Math.min(9, width / Math.max(1, outcomes.length));
  const each = Math.max(1, Math.ceil(0.5 / step));
  const wide = short(Math.max(0.5, step - (step > 4 ? 2 : 0)));
  const paths = new Map<string, string>();
  for (let index = 0; index < outcomes.length; index += each) {
    const group = outcomes.slice(index, index + each);
    const outcome = /[^o]/.exec(group)?.[0] ?? "o";
    const tall = outcome === "o" ? height / 2 : height;
    const bar = `M${short(index * step)} ${height - tall}h${wide}v${tall}h-${wide}z`;
    paths.set(outcome, (paths.get(outcome) ?? "") + bar);
  }
  return [...paths];
}
