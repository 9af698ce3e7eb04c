/**
 * Runs work, at most so many pieces of it at the same time; the others wait for their turn.
 * @param most at least 1
 */
export function createLimit(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = most;
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      // A place is handed on, or given back.
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
