/** The same task elsewhere: what an episode is compared with. */

import type { Row } from "./row.ts";

/** Other episodes of the same task, those under the other interpreter state and in the nearest run first. */
export function counterparts(row: Row, rows: Iterable<Row>): Row[] {
  const others = [...rows].filter((other) => other.id !== row.id && isSameTask(row, other));
  return others
    .map((other) => ({ other, rank: nearness(row, other) }))
    .sort((a, b) => b.rank - a.rank || (a.other.id < b.other.id ? -1 : 1))
    .map(({ other }) => other);
}

/** The pair of an episode under persistent and one under reset, in this order; nothing if there is no other state. */
export function pair(row: Row, rows: Iterable<Row>): [persistent: Row, reset: Row] | undefined {
  const other = counterparts(row, rows).find((one) => row.state !== "" && one.state !== "" && one.state !== row.state);
  if (!other) return undefined;
  return row.state === "persistent" ? [row, other] : [other, row];
}

function isSameTask(a: Row, b: Row): boolean {
  if (a.taskSha256 !== "" && b.taskSha256 !== "") return a.taskSha256 === b.taskSha256;
  return a.task !== "" && a.task === b.task && a.family === b.family;
}

/** The other state counts most, then the same run, then how much of the paths and names is the same. */
function nearness(row: Row, other: Row): number {
  const sharesRun = row.run === other.run ? 50 : 0;
  const sharesModel = row.model !== "" && row.model === other.model ? 40 : 0;
  const otherState = other.state !== "" && other.state !== row.state ? 1000 : 0;
  return otherState + sharesRun + sharesModel + Math.min(30, common(row.id, other.id));
}

/** The length of the common beginning. */
function common(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
