/** Lines in a window, and its length in ms. */
const MOST_LINES = 200;
const WINDOW_MS = 1_000;

/**
 * What the guests of a thread have the operator told, all together: thousands of executions a second, each with a few lines,
 * would fill a disk. What is left out is counted, and told with the next line.
 */
export class LogRate {
  readonly #write: (line: string) => void;
  readonly #now: () => number;
  #began = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #left = 0;

  /** @param now in ms; for tests */
  constructor(write: (line: string) => void, now: () => number = () => performance.now()) {
    this.#write = write;
    this.#now = now;
  }

  add(line: string): void {
    const now = this.#now();
    if (now - this.#began >= WINDOW_MS) {
      if (this.#left > 0) this.#write(`${this.#left} lines about guests were left out: over ${MOST_LINES} in a second`);
      this.#began = now;
      this.#lines = 0;
      this.#left = 0;
    }
    if (++this.#lines <= MOST_LINES) this.#write(line);
    else this.#left++;
  }
}
