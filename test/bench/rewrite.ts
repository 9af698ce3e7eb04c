import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { mustRun } from '../packaging/commands.ts';
import { ROOT } from '../source-files.ts';
import { generateLargeModule } from '../wasm/generate.ts';
import { repeatCode } from './repeat-code.ts';

/** How long one module takes from bytes to rewritten, checked bytes, in ms. */
export interface RewriteRow {
  readonly name: string;
  /** The first module of its process: nothing is optimised yet. */
  readonly coldMs: number;
  readonly warmMs: number;
}

/**
 * `dense`: small random functions with a loop, branch or call in every few bytes, the dearest there are; each grows to
 * nearly twice its length. `compiled`: the code of an example function, again and again, as compilers write it: the
 * targets are for this one.
 */
const KINDS = ['dense', 'compiled'] as const;
type Kind = (typeof KINDS)[number];

const SIZES: readonly (readonly [name: string, bytes: number, rounds: number])[] = [
  ['100 KB', 100_000, 40],
  ['12 MB', 12_000_000, 4],
];
const SEED = 4711;
const EXAMPLE = 'functions/coin-prediction/build/coin-prediction.wasm';

function makeModule(kind: Kind, bytes: number): Uint8Array {
  if (kind === 'dense') return generateLargeModule(SEED, bytes);
  return repeatCode(readFileSync(join(ROOT, EXAMPLE)), bytes);
}

function timeOf(module: Uint8Array): number {
  const began = performance.now();
  prepareModule(module);
  return performance.now() - began;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/**
 * Prepares modules of two sizes and kinds: warm, the best of some rounds in this process; cold, the median of processes
 * of their own. The example functions must be built.
 * @param runs processes for each size
 */
export function measureRewriting(runs: number): RewriteRow[] {
  return KINDS.flatMap((kind) =>
    SIZES.map(([name, bytes, rounds]) => {
      const module = makeModule(kind, bytes);
      const warm = Array.from({ length: rounds }, () => timeOf(module));
      const cold = Array.from({ length: runs }, () =>
        Number(mustRun(process.execPath, [fileURLToPath(import.meta.url), String(bytes), kind]).stdout),
      );
      return { name: `${name}, ${kind}`, coldMs: median(cold), warmMs: Math.min(...warm) };
    }),
  );
}

export function renderRewriting(rows: readonly RewriteRow[]): string {
  const body = rows.map(({ name, coldMs, warmMs }) => `| ${name} | ${coldMs.toFixed(1)} | ${warmMs.toFixed(1)} |`);
  return ['| rewriting a module | first in a process, ms | warm, ms |', '|---|--:|--:|', ...body].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [bytes, kind = 'dense'] = process.argv.slice(2);
  if (kind !== 'dense' && kind !== 'compiled') throw new RangeError(`the kind ${kind} is none of ${KINDS.join(', ')}`);
  console.log(timeOf(makeModule(kind, Number(bytes))));
}
