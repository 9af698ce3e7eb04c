import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { median } from './load.ts';
import { FROM_SOURCE, type Product } from './servers.ts';
import { buildFortyKilobytes, type StartRow } from './start-up.ts';

/** Of one process, from spawn to its end. */
function wallMs(launcher: string, args: readonly string[], env: NodeJS.ProcessEnv): number {
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [launcher, ...args], { env, encoding: 'utf8' });
  const took = performance.now() - began;
  if (status !== 0) throw new Error(`exec ended with ${status}: ${stderr}`);
  return took;
}

/**
 * Row f: `exec` of a 40 KB function that was prepared before, as a whole process without npx, from the built package and
 * from source; target 200 and 350 ms. The first run of each is not counted: it fills Node's cache of compiled code.
 */
export function measureExec(product: Product, workspace: string, runs: number): StartRow[] {
  const file = buildFortyKilobytes(workspace);
  const env = { ...process.env, XDG_CACHE_HOME: join(workspace, 'cache') };
  const args = ['exec', file, '--data-dir', join(workspace, 'exec')];
  const times = new Map<Product, number[]>([
    [product, []],
    [FROM_SOURCE, []],
  ]);
  for (const { launcher } of times.keys()) wallMs(launcher, args, env);
  for (let run = 0; run < runs * 3; run++) {
    for (const [{ launcher }, taken] of times) taken.push(wallMs(launcher, args, env));
  }
  return [...times].map(([measured, taken]) => ({
    name: `f  exec of a cached function, whole process, ${measured === FROM_SOURCE ? 'from source' : 'built package'}`,
    value: median(taken),
    unit: 'ms',
  }));
}
