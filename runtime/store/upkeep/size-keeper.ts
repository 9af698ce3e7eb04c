import type { Collected } from './collect.ts';

/** After the start, and after the last of several installs, in ms. */
const DELAY_MS = 2_000;

/** Keeps the data folder of a node that serves below its size. */
export interface SizeKeeper {
  /** From now on the folder is kept below this size: looked at soon, and again after installs. */
  start(maxBytes: number): void;
  /** Something was added. */
  grown(): void;
  close(): void;
}

/**
 * @param components.collect removes what nobody keeps past a size
 * @param init.delayMs for tests
 */
export function createSizeKeeper(
  components: {
    readonly collect: (maxBytes: number) => Promise<Collected>;
    readonly log: (line: string, fields?: object) => void;
  },
  init: { readonly delayMs?: number | undefined } = {},
): SizeKeeper {
  let maxBytes: number | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function run(limit: number): Promise<void> {
    try {
      const collected = await components.collect(limit);
      if (collected.removedFiles > 0) components.log('collected', { ...collected, maxBytes: limit });
      else if (collected.after > limit)
        components.log('over store.maxBytes, and all of it is kept', { ...collected, maxBytes: limit });
    } catch (error) {
      components.log('the store could not be collected', { error: String(error) });
    }
  }

  function schedule(): void {
    if (maxBytes === undefined || timer !== undefined) return;
    const limit = maxBytes;
    timer = setTimeout(() => {
      void run(limit).finally(() => {
        timer = undefined;
      });
    }, init.delayMs ?? DELAY_MS);
    timer.unref();
  }

  return {
    start(limit) {
      maxBytes = limit;
      schedule();
    },
    grown: schedule,
    close() {
      maxBytes = undefined;
      clearTimeout(timer);
    },
  };
}
