/** A value that is on its way; when another one is asked for, an earlier one is forgotten. */
export class Pending<T> {
  value = $state.raw<T>();
  /** Why it does not come; empty while it may. */
  problem = $state("");
  #asked = 0;
  #renewing = false;
  #again = false;

  async take(promise: Promise<T>): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    this.value = undefined;
    this.problem = "";
    try {
      const value = await promise;
      if (asked === this.#asked) this.value = value;
    } catch (error) {
      if (asked === this.#asked) this.problem = error instanceof Error ? error.message : String(error);
    }
  }

  /**
   * Replaces the value by a newer one, once that is there; if it does not come, the value stays. While one is on its way, others
   * that are asked for are one, which follows after a pause.
   */
  async renew(make: () => Promise<T>, pause = 250): Promise<void> {
    this.#again = this.#renewing;
    if (this.#renewing || this.value === undefined) return;
    this.#renewing = true;
    const asked = this.#asked;
    const value = await make().catch(() => undefined);
    if (asked === this.#asked && value !== undefined) this.value = value;
    await new Promise((resolve) => setTimeout(resolve, pause));
    this.#renewing = false;
    if (this.#again) await this.renew(make, pause);
  }
}
