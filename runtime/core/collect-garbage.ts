import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/**
 * Has V8 collect this thread's garbage now. For what lies outside its heap: a linear memory of 16 MiB is a few hundred
 * bytes to it, and gigabytes of them wait for a collection that the heap does not need.
 */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
