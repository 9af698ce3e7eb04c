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
