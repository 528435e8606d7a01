/** A value that is on its way; when another one is asked for, an earlier one is forgotten. */
export class Pending<T> {
  value = $state.raw<T>();
  /** Why it does not come; empty while it may. */
  problem = $state("");
  #asked = 0;

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
}
