import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';

/** `.ts` in a clone, `.js` in the bundle: Node reads no TypeScript under node_modules. */
const FROM_SOURCE = import.meta.url.endsWith('.ts');

/**
 * Where a thread's entry lies: `runtime/` in a clone, `dist/` in the published package, whose files of shared code all
 * lie in `dist/` itself.
 * @param entry path below that folder without suffix, such as `guest/thread`; `build.ts` lists the same paths
 */
export function threadUrl(entry: string): URL {
  return new URL(FROM_SOURCE ? `../${entry}.ts` : `./${entry}.js`, import.meta.url);
}

/**
 * The whole environment of a thread: nothing of ours but where Node keeps compiled code, if it does. Without that a thread
 * strips and compiles its sources anew each time, which takes it a third of a second.
 */
export function threadEnvironment(): Record<string, string> {
  const folder = getCompileCacheDir();
  // Node says the folder of its own version and user, and wants to be told the one around it.
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: dirname(folder) };
}
