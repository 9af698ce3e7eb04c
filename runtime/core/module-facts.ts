/** What is known of a module after it was read and checked, kept beside its rewritten bytes. */
export interface ModuleFacts {
  /** Lower-case hex sha-256 of the module as its author built it. */
  readonly sha256: string;
  /** Size of the original, in bytes. */
  readonly size: number;
  /** Declared linear memory in 64 KiB pages; `null` when the module has none. */
  readonly memory: { readonly initial: number; readonly maximum: number | null } | null;
  /** Function types it declares. V8 keeps each distinct one for the life of the process and aborts past two million. */
  readonly types: number;
  /**
   * Roughly what V8 allocates for each instance beside the linear memory, in bytes: 24 MB for the largest tables, some
   * hundred bytes for small programs. What live executions take in all is for the sandbox to bound.
   */
  readonly instanceBytes: number;
  /** Host calls it imports, in import order, each checked against the host-call table. */
  readonly imports: readonly { readonly module: string; readonly name: string }[];
  /** Exports of the original module. */
  readonly exports: readonly {
    readonly name: string;
    readonly kind: 'function' | 'table' | 'memory' | 'global' | 'tag';
  }[];
  /** The original had a start section; its function is exported under `REWRITTEN.start` and runs first. */
  readonly hasStart: boolean;
  /** How it catches exceptions, by the instruction that does; `null` where it does not. */
  readonly catches: 'try' | 'try_table' | null;
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
