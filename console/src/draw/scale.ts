/** Where turns are on a strip: all of them have room, and few are not spread over all of it. */
export interface Scale {
  /** From one turn to the next. */
  step: number;
  /** Between two turns. */
  gap: number;
}

/** Most pixels of a turn. */
const WIDEST = 48;

export function scaleOf(width: number, turns: number): Scale {
  const step = Math.min(WIDEST, width / Math.max(1, turns));
  return { step, gap: step > 12 ? 3 : step > 4 ? 1 : 0 };
}

/** Where a turn begins, from 1. */
export function startOf(turn: number, { step }: Scale): number {
  return (turn - 1) * step;
}

/** A number of a path, short. */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}
