import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REWRITTEN } from '../../runtime/core/module-facts.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { mustRun } from '../packaging/commands.ts';
import { ROOT } from '../source-files.ts';

export interface MeteringRow {
  readonly name: string;
  readonly plainMs: number;
  readonly meteredMs: number;
  /** Metered ÷ plain. */
  readonly ratio: number;
}

/** Each kernel with an argument that takes it some milliseconds. */
const KERNELS: readonly (readonly [name: string, argument: number])[] = [
  ['matmul', 200],
  ['sieve', 2_000_000],
  ['sha256', 6_000],
  ['json', 150],
  ['fib', 30],
  ['sort', 100_000],
  ['mandelbrot', 250],
  ['text', 60_000],
];
/** Fuel of a slice; about a millisecond of most programs. */
const SLICE = 1_500_000;
/** Rounds before V8 has optimised everything. */
const WARM_UP = 5;

type Kernels = Readonly<Record<string, (argument: number) => number>>;

/** `(module (import "h" "g" (func (param i32) (result i32))) (export "g" (func 0)))` */
const HELPER = new WebAssembly.Module(
  Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f],
    ...[0x02, 0x07, 0x01, 0x01, 0x68, 0x01, 0x67, 0x00, 0x00, 0x07, 0x05, 0x01, 0x01, 0x67, 0x00, 0x00],
  ),
);

function instantiate(bytes: Uint8Array, memory: WebAssembly.Memory | null): WebAssembly.Exports {
  const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  const imports: WebAssembly.Imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = kind === 'memory' && memory !== null ? memory : () => 0;
  }
  return new WebAssembly.Instance(module, imports).exports;
}

function instantiateMetered(bytes: Uint8Array): WebAssembly.Exports {
  const { facts, bytes: rewritten } = prepareModule(bytes);
  const memory = new WebAssembly.Memory({ initial: facts.memory?.initial ?? 0, maximum: 65_536 });
  const exports = instantiate(rewritten, memory);
  const connect = (name: string, answer: (asked: number) => number): void => {
    const cell = exports[name];
    if (cell instanceof WebAssembly.Global) {
      cell.value = new WebAssembly.Instance(HELPER, { h: { g: answer } }).exports.g;
    }
  };
  connect(REWRITTEN.tick, (missing) => Math.max(missing, SLICE));
  connect(REWRITTEN.grow, (pages) => memory.grow(pages));
  return exports;
}

/**
 * What metering costs kernels that are warm: the best of interleaved runs of the module as it was built, and as it is
 * run here.
 * @param workspace folder for the compiled module
 * @param runs of each, beside those that warm it up
 */
export function measureMetering(workspace: string, runs: number): MeteringRow[] {
  const file = join(workspace, 'kernels.wasm');
  const asc = join(ROOT, 'node_modules/assemblyscript/bin/asc.js');
  const source = 'test/bench/assembly/kernels.ts';
  const config = 'node_modules/@assemblyscript/wasi-shim/asconfig.json';
  const options = ['-O3', '--exportStart', '_start', '--outFile', file];
  mustRun(process.execPath, [asc, source, '--config', config, ...options], { cwd: ROOT });
  const bytes = Uint8Array.from(readFileSync(file));
  const [plain, metered] = [instantiate(bytes, null), instantiateMetered(bytes)] as unknown as [Kernels, Kernels];
  for (const exports of [plain, metered]) exports._start?.(0);
  return KERNELS.map(([name, argument]) => {
    const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] as [number, number];
    const results = new Set<unknown>();
    for (let round = -WARM_UP; round < runs; round++) {
      for (const [index, kernels] of [plain, metered].entries()) {
        const began = performance.now();
        results.add(kernels[name]?.(argument));
        const ms = performance.now() - began;
        if (round >= 0) best[index] = Math.min(best[index] as number, ms);
      }
    }
    if (results.size !== 1) throw new Error(`${name} computes ${[...results]} plain and metered`);
    return { name, plainMs: best[0], meteredMs: best[1], ratio: best[1] / best[0] };
  });
}

/** Geometric mean of the ratios, and the worst. */
export function summarizeMetering(rows: readonly MeteringRow[]): { readonly mean: number; readonly worst: number } {
  const logs = rows.reduce((sum, { ratio }) => sum + Math.log(ratio), 0);
  return { mean: Math.exp(logs / rows.length), worst: Math.max(...rows.map(({ ratio }) => ratio)) };
}
