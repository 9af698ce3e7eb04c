import { REWRITTEN } from '../core/module-facts.ts';
import type { ServiceOp, ServiceOps } from '../core/services.ts';
import type { Hooks, HookTarget } from './hooks.ts';
import type { Host } from './host.ts';
import { type Dispatch, hostImports } from './host-imports.ts';
import { GuestMemory } from './memory.ts';
import type { LeasedMemory } from './memory-pool.ts';
import type { FuelCell, Meter } from './meter.ts';
import type { ModulePlan } from './module-plan.ts';
import type { Descriptors } from './wasi/descriptors.ts';

/** The execution that an instance belongs to. */
export interface Owner extends Omit<Host, 'memory' | 'cpuMs'> {
  readonly meter: Meter;
  /** Of all its instances. */
  readonly descriptors: Descriptors;
  /** Wraps a host call of an instance that has this memory. */
  dispatchFor(memory: GuestMemory): Dispatch;
  /** Answers `memory.grow(pages)` of this memory. */
  grow(lease: LeasedMemory | null, pages: number): number;
}

/**
 * One module of an execution. Nearly every execution has one; in one of several, each host call uses the memory of the
 * instance that called, and each instance holds a part of the execution's fuel.
 */
export class GuestInstance implements Host, HookTarget {
  readonly plan: ModulePlan;
  readonly context: Host['context'];
  readonly output: Host['output'];
  readonly outbound: Host['outbound'];
  readonly handles: Host['handles'];
  readonly traffic: Host['traffic'];
  memory: GuestMemory;
  exports: WebAssembly.Exports = NOTHING;

  readonly #owner: Owner;
  #lease: LeasedMemory | null;
  #cell: FuelCell | null = null;

  /** @param lease the memory of its own; `null` when it has none, or another module's */
  constructor(plan: ModulePlan, owner: Owner, lease: LeasedMemory | null) {
    this.plan = plan;
    this.#owner = owner;
    this.context = owner.context;
    this.output = owner.output;
    this.outbound = owner.outbound;
    this.handles = owner.handles;
    this.traffic = owner.traffic;
    this.#lease = lease;
    this.memory = lease === null ? new GuestMemory(null) : new GuestMemory(lease.memory, lease.views);
  }

  get cpuMs(): number {
    return this.#owner.meter.cpuMs;
  }

  /**
   * Runs nothing of it yet but what fills its memory and tables.
   * @param libraries instances it may be linked to, by name
   * @param hooks on lease for this instance
   */
  instantiate(libraries: ReadonlyMap<string, GuestInstance>, hooks: Hooks): void {
    const { module, memory, links, tables } = this.plan;
    // First, since host calls are bound to the memory they find.
    const linked = links.map(({ module: from, name, kind }) => {
      const library = libraries.get(from);
      if (library === undefined) throw new TypeError(`no module ${from} to link ${name} from`);
      if (kind === 'memory') {
        this.#lease = library.#lease;
        this.memory = library.memory;
      }
      return [from, name, library.exports[name]] as const;
    });
    const imports = hostImports(this.plan.imports, this, this.#owner.descriptors, this.#owner.dispatchFor(this.memory));
    for (const [from, name, value] of linked) namespace(imports, from)[name] = value as WebAssembly.ImportValue;
    if (memory !== null && this.#lease !== null) namespace(imports, memory.module)[memory.name] = this.#lease.memory;
    for (const { module: from, name, type, extent, bound } of tables) {
      const element = type === 'externref' ? 'externref' : 'anyfunc';
      const { initial = 0 } = extent ?? {};
      namespace(imports, from)[name] = new WebAssembly.Table({ element, initial, maximum: bound ?? initial });
    }
    const { exports } = new WebAssembly.Instance(module, imports);
    connect(exports[REWRITTEN.tick], hooks.tick);
    connect(exports[REWRITTEN.pause], hooks.pause);
    connect(exports[REWRITTEN.grow], hooks.grow);
    const cell = exports[REWRITTEN.fuel] as FuelCell | undefined;
    if (cell !== undefined) this.#owner.meter.connect(cell);
    this.#cell = cell ?? null;
    this.exports = exports;
  }

  tick(missing: number): number {
    return this.#owner.meter.tick(missing, this.#cell);
  }

  pause(missing: number): Promise<number> {
    return this.#owner.meter.pause(missing);
  }

  grow(pages: number): number {
    return this.#owner.grow(this.#lease, pages);
  }

  get signal(): AbortSignal {
    return this.#owner.signal;
  }

  ask<Op extends ServiceOp>(op: Op, payload: ServiceOps[Op]['payload']): Promise<ServiceOps[Op]['answer']> {
    return this.#owner.ask(op, payload);
  }

  exit(code: number): never {
    return this.#owner.exit(code);
  }

  onClose(free: () => void): () => void {
    return this.#owner.onClose(free);
  }

  log(line: string): void {
    this.#owner.log(line);
  }
}

const NOTHING: WebAssembly.Exports = Object.create(null);

/** Every level has a null prototype: see `hostImports`. */
function namespace(imports: WebAssembly.Imports, module: string): WebAssembly.ModuleImports {
  const names = imports[module] ?? (Object.create(null) as WebAssembly.ModuleImports);
  imports[module] = names;
  return names;
}

function connect(cell: WebAssembly.ExportValue | undefined, hook: unknown): void {
  if (cell !== undefined) (cell as WebAssembly.Global).value = hook;
}
