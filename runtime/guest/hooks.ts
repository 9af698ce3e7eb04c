/**
 * `(module (import "h" "t" (func $t (param i32) (result i32))) … (export "t" (func $t)) …)` for `t`, `p` and `g`: a global
 * of function reference type takes only exported wasm functions, so JavaScript's must pass through an instance once.
 */
const HELPER = new WebAssembly.Module(
  Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...[0x01, 0x06, 0x01, 0x60, 0x01, 0x7f, 0x01, 0x7f],
    ...[0x02, 0x13, 0x03, 0x01, 0x68, 0x01, 0x74, 0x00, 0x00, 0x01, 0x68, 0x01, 0x70, 0x00, 0x00],
    ...[0x01, 0x68, 0x01, 0x67, 0x00, 0x00],
    ...[0x07, 0x0d, 0x03, 0x01, 0x74, 0x00, 0x00, 0x01, 0x70, 0x00, 0x01, 0x01, 0x67, 0x00, 0x02],
  ),
);

/** What injected code asks of the execution it runs in. */
export interface HookTarget {
  /** @param missing fuel @returns at least that, 0 to be paused, −1 to die */
  tick(missing: number): number;
  /** The same after a 0, never 0. */
  pause(missing: number): Promise<number>;
  /** Answers `memory.grow(pages)`: the old size in pages, or −1. */
  grow(pages: number): number;
}

/** Exported wasm functions for a guest's cells, on lease to one execution. */
export interface Hooks {
  readonly tick: unknown;
  readonly pause: unknown;
  readonly grow: unknown;
  /** Whom they reach. */
  target: HookTarget;
}

/** Nobody: a guest that still asked would be one that outlived its execution. */
const NOBODY: HookTarget = { tick: () => -1, pause: async () => -1, grow: () => -1 };

/** Hooks, handed on: making the instance they pass through costs half as much as a small guest's. */
export class HookPool {
  readonly #free: Hooks[] = [];

  take(target: HookTarget): Hooks {
    const hooks = this.#free.pop() ?? createHooks();
    hooks.target = target;
    return hooks;
  }

  give(hooks: Hooks): void {
    hooks.target = NOBODY;
    this.#free.push(hooks);
  }
}

function createHooks(): Hooks {
  const hooks = { target: NOBODY, tick: null, pause: null, grow: null } as Hooks;
  const imports = {
    t: (missing: number) => hooks.target.tick(missing),
    p: new WebAssembly.Suspending((missing: number) => hooks.target.pause(missing)),
    g: (pages: number) => hooks.target.grow(pages),
  };
  const { t, p, g } = new WebAssembly.Instance(HELPER, { h: imports as unknown as WebAssembly.ModuleImports }).exports;
  return Object.assign(hooks, { tick: t, pause: p, grow: g });
}
