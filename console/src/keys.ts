/** The keys that lead from turn to turn. */

import type { Turn } from "./trace/model.ts";

/** The turn that a key leads to; nothing if it is no such key. `turns` are those of all episodes that are shown. */
export function turnOf(event: KeyboardEvent, now: number, turns: Turn[][]): number | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  // An editor hides its parts behind one element.
  const [target] = event.composedPath();
  if (target instanceof Element && target.closest("input, select, textarea, dialog, [contenteditable], [data-editor]"))
    return undefined;
  // Arrows scroll what can be scrolled.
  if (target instanceof Element && event.key.startsWith("Arrow") && target.closest("pre, .calls, .scroll-x"))
    return undefined;
  const last = Math.max(1, ...turns.map((episode) => episode.length));
  switch (event.key) {
    case "j":
    case "ArrowRight":
      return Math.min(last, now + 1);
    case "k":
    case "ArrowLeft":
      return Math.max(1, now - 1);
    case "Home":
      return 1;
    case "End":
      return last;
    case "n":
      return landmarks(turns).find((turn) => turn > now) ?? now;
    case "p":
      return landmarks(turns).findLast((turn) => turn < now) ?? now;
    default:
      return undefined;
  }
}

/** The turns that failed, or before which the interpreter's state was lost, in order. */
export function landmarks(turns: Turn[][]): number[] {
  const marked = turns.flat().filter((turn) => turn.outcome !== "o" || turn.stateLost || turn.failure !== undefined);
  return [...new Set(marked.map((turn) => turn.number))].sort((a, b) => a - b);
}
