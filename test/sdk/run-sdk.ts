import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type GuestResult, openTestRuntime, runIn } from '../support/run-guest.ts';
import { createStubHost, Exit, type StubInit, type StubRequest } from './stub-host.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
interface Compiler {
  createMemoryStream(): { toString(): string };
  main(argv: readonly string[], streams: object): Promise<{ error: Error | null }>;
}

// By address: the compiler's own types would replace the global `console` of all our code.
const asc: Compiler = await import(import.meta.resolve('assemblyscript/asc'));
const ASC = fileURLToPath(import.meta.resolve('assemblyscript/asc')).replace(/dist[\\/]asc\.js$/, 'bin/asc.js');

/** Every program of a run built for that: `SDK_GC_STRESS=1`, as `gc-stress.slow.test.ts` sets it. */
const ALWAYS_STRESS = process.env.SDK_GC_STRESS === '1';

/** Collects garbage fully at nearly every allocation, so that memory nobody holds is reused at once. */
const GC_STRESS = ['--use=ASC_GC_GRANULARITY=16', '--use=ASC_GC_IDLEFACTOR=100', '--use=ASC_GC_SWEEPFACTOR=100000000'];

export interface ProgramRun {
  readonly stdout: string;
  readonly stdoutBytes: Uint8Array;
  readonly stderr: string;
  readonly exitCode: number;
  /** `module.name`, sorted. */
  readonly imports: readonly string[];
  readonly requests: readonly StubRequest[];
  /** Responses the guest left open. */
  readonly openHandles: number;
  /** Linear memory at the end, in bytes. */
  readonly memoryBytes: number;
}

export interface RunOptions extends StubInit {
  /** Build for running out of step with the garbage collector. */
  readonly gcStress?: boolean;
  readonly target?: 'release' | 'debug';
}

/** Runs the compiler; answers its output, whatever its exit code. */
export function compile(
  argv: readonly string[],
  cwd: string,
  asc: string = ASC,
): Promise<{ ok: boolean; log: string }> {
  return new Promise((resolve) => {
    // The flag keeps the compiler's launcher from starting a second process.
    execFile(process.execPath, ['--enable-source-maps', asc, ...argv], { cwd }, (error, stdout, stderr) => {
      resolve({ ok: error === null, log: stdout + stderr });
    });
  });
}

const modules = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

async function build(file: string, options: RunOptions): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await mkdtemp(join(tmpdir(), 'inferbase-sdk-'));
  try {
    const outFile = join(folder, 'program.wasm');
    // In this process a second compilation takes a fraction of the first. With `--baseDir` it would not find `lib`.
    process.chdir(ROOT);
    const log = asc.createMemoryStream();
    const { error } = await asc.main(
      [
        `test/sdk/assembly/${file}`,
        ...['--config', 'asconfig.json', '--target', options.target ?? 'release', '-o', outFile],
        ...(options.gcStress === true ? GC_STRESS : []),
      ],
      { stdout: log, stderr: log },
    );
    assert.equal(log.toString(), '', 'the compiler warns of nothing');
    assert.ifError(error);
    return Uint8Array.from(await readFile(outFile));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Instantiates a compiled module over the stub host and runs `_start`. */
export function runModule(module: WebAssembly.Module, options: StubInit = {}): ProgramRun {
  let memory: WebAssembly.Memory | undefined;
  const host = createStubHost(options, () => {
    assert.ok(memory);
    return memory;
  });
  const instance = new WebAssembly.Instance(module, host.imports as unknown as WebAssembly.Imports);
  const exports = instance.exports as { memory: WebAssembly.Memory; _start(): void };
  memory = exports.memory;
  let exitCode = 0;
  try {
    exports._start();
  } catch (error) {
    if (!(error instanceof Exit)) throw new Error(new TextDecoder().decode(host.stderr()), { cause: error });
    exitCode = error.code;
  }
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const stdoutBytes = host.stdout();
  return {
    stdoutBytes,
    get stdout() {
      return utf8.decode(stdoutBytes);
    },
    stderr: utf8.decode(host.stderr()),
    exitCode,
    imports: [...new Set(WebAssembly.Module.imports(module).map((entry) => `${entry.module}.${entry.name}`))].sort(),
    requests: host.requests,
    openHandles: host.openHandles(),
    memoryBytes: memory.buffer.byteLength,
  };
}

/** Compiles a program of `test/sdk/assembly/`, once per process and way of building. */
export function buildProgram(file: string, given: RunOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const options = { ...given, gcStress: given.gcStress === true || ALWAYS_STRESS };
  const key = `${file} ${options.gcStress} ${options.target ?? 'release'}`;
  const built = modules.get(key) ?? build(file, options);
  modules.set(key, built);
  return built;
}

/**
 * Runs a program of `test/sdk/assembly/` over the stub host, and, where all it is given is arguments, environment and
 * stdin, in the product too: what it prints and how it ends must be the same.
 */
export async function runProgram(file: string, options: RunOptions = {}): Promise<ProgramRun> {
  const bytes = await buildProgram(file, options);
  const run = runModule(await WebAssembly.compile(bytes), options);
  const { gcStress: _, target: __, ...given } = options;
  if (Object.keys(given).some((name) => !PLAIN.has(name))) return run;
  const inProduct = await runInProduct(bytes, given);
  assert.deepEqual([inProduct.exitCode, inProduct.stderr], [run.exitCode, run.stderr], `${file} in the product`);
  // Clocks and random numbers are the stub's own.
  if (!OWN_CLOCK.has(file)) assert.ok(Buffer.from(run.stdoutBytes).equals(inProduct.stdoutBytes), `${file}: stdout`);
  return run;
}

/** What both hosts can be given. */
const PLAIN: ReadonlySet<string> = new Set(['args', 'env', 'stdin']);
const OWN_CLOCK: ReadonlySet<string> = new Set(['hooks.ts', 'random-time.ts']);

let product: ReturnType<typeof openTestRuntime> | undefined;
after(async () => (await product)?.close());

/** Runs a program in the real sandbox, which is opened once. */
async function runInProduct(
  bytes: Uint8Array,
  { args = [], env = {}, stdin = '' }: Pick<StubInit, 'args' | 'env' | 'stdin'>,
): Promise<GuestResult> {
  product ??= openTestRuntime({ 'limits.deadlineMs': 60_000 });
  const limits = { deadlineMs: 60_000 };
  return await runIn(await product, bytes, { args, env, stdin, limits });
}
