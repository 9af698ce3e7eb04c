/** What one execution holds open, whatever its kind: files, responses, processes. All of them count against one limit. */
export class Handles {
  readonly #most: number;
  #open = 0;

  /** @param most handles that may be open at once */
  constructor(most: number) {
    this.#most = most;
  }

  /** Nothing further may be opened; ask before, since opening itself cannot fail any more. */
  get full(): boolean {
    return this.#open >= this.#most;
  }

  take(): void {
    this.#open++;
  }

  give(): void {
    this.#open--;
  }
}
