/** The last minutes, second by second. */

import type { Now } from "./now.ts";

/** Seconds that are kept. */
const KEPT = 600;

/** A value, or none at that time. */
export type Values = (number | null)[];

export interface Series {
  /** Seconds since 1970. */
  at: number[];
  /** Steps in each second. */
  rate: Values;
  /** Seconds that steps ran, and waited: the median and the 99th percentile. */
  ran50: Values;
  ran99: Values;
  waited50: Values;
  waited99: Values;
}

export const NO_SERIES: Series = { at: [], rate: [], ran50: [], ran99: [], waited50: [], waited99: [] };

/** The series with one more time. `before` is what was counted at the time before, if that is known. */
export function extended(series: Series, now: Now, before: Now | undefined): Series {
  const between = before ? (now.at - before.at) / 1000 : 0;
  if (between < 0 || (before && between === 0)) return series;
  const rate = between > 0 ? Math.max(0, now.steps - (before?.steps ?? 0)) / between : null;
  const add = <T>(values: T[], value: T) => [...values.slice(-KEPT + 1), value];
  return {
    at: add(series.at, now.at / 1000),
    rate: add(series.rate, rate),
    ran50: add(series.ran50, now.ran?.p50 ?? null),
    ran99: add(series.ran99, now.ran?.p99 ?? null),
    waited50: add(series.waited50, now.queued?.p50 ?? null),
    waited99: add(series.waited99, now.queued?.p99 ?? null),
  };
}
