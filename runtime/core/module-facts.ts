import type { EntryCall } from './entry-call.ts';

/** What is known of a module after it was read and checked, kept beside its rewritten bytes. */
export interface ModuleFacts {
  /** Lower-case hex sha-256 of the module as its author built it. */
  readonly sha256: string;
  /** Size of the original, in bytes. */
  readonly size: number;
  /** Linear memory it declares or imports, in 64 KiB pages; `null` when it has none. */
  readonly memory: Extent | null;
  /** Function types it declares. V8 keeps each distinct one for the life of the process and aborts past two million. */
  readonly types: number;
  /**
   * Roughly what V8 allocates for each instance beside the linear memory, in bytes: 24 MB for the largest tables, some
   * hundred bytes for small programs. What live executions take in all is for the sandbox to bound.
   */
  readonly instanceBytes: number;
  /** Fuel that making an instance takes: functions, segments and their elements and bytes, exports, globals. */
  readonly setupFuel: number;
  /** Host calls it imports, in import order, each checked against the host-call table. */
  readonly imports: readonly { readonly module: string; readonly name: string }[];
  /** What else it imports: from other modules of its package, or a memory or table that is made for each execution. */
  readonly links: readonly LinkedImport[];
  /** Exports of the original module. */
  readonly exports: readonly ModuleExport[];
  /** It can grow a table. */
  readonly growsTables: boolean;
  /**
   * What of it may come out differently on another machine or version of V8, beside the depth at which a stack overflows:
   * the bits of a NaN that it computes, the results of relaxed SIMD.
   */
  readonly varies: readonly ('nan-bits' | 'relaxed-simd')[];
  /** The original had a start section; its function is exported under `REWRITTEN.start` and runs first. */
  readonly hasStart: boolean;
  /** How it catches exceptions, by the instruction that does; `null` where it does not. */
  readonly catches: 'try' | 'try_table' | null;
}

export type ExternKind = 'function' | 'table' | 'memory' | 'global' | 'tag';

/** Elements of a table or pages of a memory. */
export interface Extent {
  readonly initial: number;
  readonly maximum: number | null;
}

export interface ModuleExport {
  readonly name: string;
  readonly kind: ExternKind;
  /** As the text format writes it, without names; cut and marked by a hash when long. Empty for a memory. */
  readonly type: string;
  /** Of a table or memory. */
  readonly extent?: Extent;
  /** Of a function: AssemblyScript's types, where the build recorded them. */
  readonly call?: EntryCall;
}

/** An import that is no host call. Its `extent` is the least it may have and the most it may be able to grow to. */
export interface LinkedImport extends ModuleExport {
  readonly module: string;
  /** Of a table: the maximum it gets where the host makes it. */
  readonly bound?: number;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isCount: Check = (value) => typeof value === 'number';
const isFlag: Check = (value) => typeof value === 'boolean';
const isList: Check = Array.isArray;

/** Each fact there is has to be here: one that an older version did not write is missing from what it wrote. */
const CHECKS: Readonly<Record<keyof ModuleFacts, Check>> = {
  sha256: isText,
  size: isCount,
  memory: (value) => value === null || (typeof value === 'object' && !Array.isArray(value)),
  types: isCount,
  instanceBytes: isCount,
  setupFuel: isCount,
  imports: isList,
  links: isList,
  exports: isList,
  growsTables: isFlag,
  varies: isList,
  hasStart: isFlag,
  catches: (value) => value === null || isText(value),
};

/** Whether something read from disk has all the facts of this version, each of its kind. */
export function isModuleFacts(value: unknown): value is ModuleFacts {
  if (typeof value !== 'object' || value === null) return false;
  const found = value as Readonly<Record<string, unknown>>;
  return Object.entries(CHECKS).every(([key, fits]) => Object.hasOwn(found, key) && fits(found[key]));
}

/** A module ready to be compiled by V8: original checked, rewritten, validated again. */
export interface PreparedModule {
  readonly facts: ModuleFacts;
  /** The rewritten module. */
  readonly bytes: Uint8Array;
}

/**
 * Names the rewriter adds. They begin with NUL, so that they are easily told from a guest's own; a module that already
 * uses one of them is refused.
 */
export const REWRITTEN = {
  /** Import module of the linear memory: `(import "\0inferbase" "memory" (memory …))`. */
  importModule: '\u0000inferbase',
  memory: 'memory',
  /** Exported mutable global of type `(ref null (func (param i32) (result i32)))` that `memory.grow` calls through. */
  grow: '\u0000inferbase.grow',
  /** Exported mutable global of type i32: fuel left of the slice; 0 at first, never negative. */
  fuel: '\u0000inferbase.fuel',
  /**
   * Exported mutable global of `grow`'s type, called with the fuel that is missing when the slice does not reach for
   * what comes next: returns at least that, 0 to have `pause` called, or −1 to have the guest run `unreachable`.
   */
  tick: '\u0000inferbase.tick',
  /** The same, called only after a `tick` of 0; suspends the guest and never returns 0. */
  pause: '\u0000inferbase.pause',
  /** Export of the function that the start section named. */
  start: '\u0000inferbase.start',
} as const;
