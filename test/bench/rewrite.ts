import { fileURLToPath } from 'node:url';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { mustRun } from '../packaging/commands.ts';
import { generateLargeModule } from '../wasm/generate.ts';

/** How long one module takes from bytes to rewritten, checked bytes, in ms. */
export interface RewriteRow {
  readonly name: string;
  /** The first module of its process: nothing is optimised yet. */
  readonly coldMs: number;
  readonly warmMs: number;
}

const SIZES: readonly (readonly [name: string, bytes: number, rounds: number])[] = [
  ['100 KB', 100_000, 40],
  ['12 MB', 12_000_000, 4],
];
const SEED = 4711;

function timeOf(module: Uint8Array): number {
  const began = performance.now();
  prepareModule(module);
  return performance.now() - began;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/**
 * Prepares modules of two sizes, of small functions with many loops, the dearest there are: warm, the best of some rounds in this process; cold, the median of processes of their own.
 * @param runs processes for each size
 */
export function measureRewriting(runs: number): RewriteRow[] {
  return SIZES.map(([name, bytes, rounds]) => {
    const module = generateLargeModule(SEED, bytes);
    const warm = Array.from({ length: rounds }, () => timeOf(module));
    const cold = Array.from({ length: runs }, () =>
      Number(mustRun(process.execPath, [fileURLToPath(import.meta.url), String(bytes)]).stdout),
    );
    return { name, coldMs: median(cold), warmMs: Math.min(...warm) };
  });
}

export function renderRewriting(rows: readonly RewriteRow[]): string {
  const body = rows.map(({ name, coldMs, warmMs }) => `| ${name} | ${coldMs.toFixed(1)} | ${warmMs.toFixed(1)} |`);
  return ['| rewriting a module | first in a process, ms | warm, ms |', '|---|--:|--:|', ...body].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const module = generateLargeModule(SEED, Number(process.argv[2]));
  console.log(timeOf(module));
}
