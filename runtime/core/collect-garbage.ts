import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** `gc` of V8's extension of that name (`src/extensions/gc-extension.cc`): without options as thorough as a usual one. */
type Collect = (options?: {
  readonly type: 'major';
  readonly execution: 'sync';
  readonly flavor: 'last-resort';
}) => void;

let collect: Collect | undefined;

function exposed(): Collect {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as Collect;
  }
  return collect;
}

/**
 * Has V8 collect this thread's garbage now. For what lies outside its heap: a linear memory of 16 MiB is a few hundred
 * bytes to it, and gigabytes of them wait for a collection that the heap does not need.
 */
export function collectGarbage(): void {
  exposed()();
}

/**
 * The same, and gives the system back what this thread's heap has no use for: its young generation, up to 64 MiB however
 * little is in it, and pages that are nearly empty. It takes some times as long, in which the thread does nothing else.
 */
export function returnMemory(): void {
  exposed()({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
