import type { ExecutionContext } from '../core/execution.ts';
import { DEFAULT_LIMITS } from '../core/limits.ts';
import { NO_PERMISSIONS } from '../core/permissions.ts';
import { Execution, type Sandbox } from './execution.ts';
import { planFunction } from './module-plan.ts';

const WASI = 'wasi_snapshot_preview1';
const bytesOf = (text: string): number[] => [text.length, ...Buffer.from(text)];

/** `(import WASI "fd_write" (func 0)) (func (export "_start") (drop (call 0 (i32.const 1) (i32.const 0) …)))` */
const PRINTS_NOTHING = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x0c, 0x02, 0x60, 0x04, 0x7f, 0x7f, 0x7f, 0x7f, 0x01, 0x7f, 0x60, 0x00, 0x00],
  ...[0x02, 0x23, 0x01, ...bytesOf(WASI), ...bytesOf('fd_write'), 0x00, 0x00],
  ...[0x03, 0x02, 0x01, 0x01],
  ...[0x07, 0x0a, 0x01, ...bytesOf('_start'), 0x00, 0x01],
  ...[0x0a, 0x0f, 0x01, 0x0d, 0x00, 0x41, 0x01, 0x41, 0x00, 0x41, 0x00, 0x41, 0x00, 0x10, 0x00, 0x1a, 0x0b],
);

const CONTEXT: ExecutionContext = {
  args: ['warm-up.wasm'],
  env: [],
  stdin: new Uint8Array(0),
  files: null,
  limits: DEFAULT_LIMITS,
  permissions: NO_PERMISSIONS,
};

/** Runs a guest of our own once, so that the first one of a caller does not wait for V8 to compile what runs it. */
export async function warmUp(sandbox: Sandbox): Promise<void> {
  const facts = {
    ...{ sha256: '', memory: null, imports: [{ module: WASI, name: 'fd_write' }], links: [], hasStart: false },
    ...{ catches: null, setupFuel: 0, instanceBytes: 0, entry: '_start' },
  };
  const plan = planFunction({ module: new WebAssembly.Module(PRINTS_NOTHING), facts });
  await new Execution({ id: 0, slot: 0, function: plan, context: CONTEXT }, sandbox).run();
}
