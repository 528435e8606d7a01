import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Waits until something holds. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const patience = AbortSignal.timeout(60_000);
  while (!(await holds())) {
    assert(!patience.aborted, `it does not come to hold: ${holds}`);
    await sleep(20);
  }
}
