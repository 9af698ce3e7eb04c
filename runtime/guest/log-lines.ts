const MAX_LINES = 20;
/** Characters of a line; a guest chooses URLs and header names in it. */
const MAX_LINE = 1_000;

/** What one execution has the operator told: each line once, few of them, none of them long. */
export class LogLines {
  readonly #write: (line: string) => void;
  readonly #written = new Set<string>();

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  add(line: string): void {
    const shown = line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line;
    if (this.#written.size >= MAX_LINES || this.#written.has(shown)) return;
    this.#written.add(shown);
    this.#write(shown);
  }
}
