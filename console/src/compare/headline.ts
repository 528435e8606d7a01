/** The difference between an episode under persistent and one under reset, in a sentence. */

import { plural, thousands } from "../format.ts";
import type { State } from "../trace/model.ts";
import type { Totals } from "./totals.ts";

/** Nothing, unless exactly one of two episodes persists and the other is reset. */
export function headline(columns: { state: State; totals: Totals }[]): string | undefined {
  const persistent = columns.find((column) => column.state === "persistent")?.totals;
  const reset = columns.find((column) => column.state === "reset")?.totals;
  if (columns.length !== 2 || !persistent || !reset) return undefined;
  const sentences = [tokens(persistent, reset)];
  if (reset.missing > 0)
    sentences.push(`${plural(reset.missing, "turn")} missed a variable that a reset had taken away.`);
  if (reset.again > persistent.again) {
    sentences.push(
      `It bound ${plural(reset.again, "name")} again that it had bound before; about ${thousands(reset.rewritten)} of its tokens do nothing else.`,
    );
  }
  return sentences.join(" ");
}

function tokens(persistent: Totals, reset: Totals): string {
  const about = persistent.estimated || reset.estimated ? "about " : "";
  const counts = `${about}${thousands(reset.written)} tokens in ${plural(reset.turns, "turn")}, against ${thousands(persistent.written)} in ${persistent.turns}`;
  const factor = persistent.written > 0 ? reset.written / persistent.written : 0;
  if (factor >= 1.05) return `Under reset the model wrote ${counts}: ${factor.toFixed(1)} times as many.`;
  if (factor > 0.95) return `Under reset the model wrote ${counts}: about as many.`;
  return `Under reset the model wrote ${counts}.`;
}
