/**
 * What a module may declare. V8 has no limit a host could set per module, and some declarations abort the whole process
 * (eight tables of ten million elements do), so they are met before V8 sees the bytes. Generous for real programs: the
 * largest in use stay an order of magnitude below.
 */
export const BOUNDS = {
  /** Bytes of a module. */
  moduleBytes: 67_108_864,
  sections: 10_000,
  /**
   * Function types. V8 keeps every distinct one for the life of the process, thrown-away and invalid modules' included,
   * and aborts the process at two million; see `ModuleFacts.types`.
   */
  types: 2_000,
  /** Parameters of one function type. */
  params: 1_000,
  /** Results of one function type. */
  results: 1_000,
  /** Parameters and results of all types together. */
  typeValues: 500_000,
  imports: 1_000,
  functions: 200_000,
  tables: 16,
  /** Elements of all tables together, as they begin; a module that grows its tables may not take them past it. */
  tableElements: 1_000_000,
  /** 64 KiB pages of the linear memory as it begins. */
  memoryPages: 65_536,
  tags: 1_000,
  /**
   * Parameters of one tag. Each exception keeps them on V8's heap, up to 32 bytes apiece, and a guest can keep as many
   * exceptions as its stack has room for: with a thousand parameters that was 250 MB. Compilers use one or two.
   */
  tagParams: 16,
  globals: 50_000,
  /** Each costs every instance over a microsecond. */
  exports: 2_000,
  /** Element segments, and data segments. */
  segments: 100_000,
  /** Elements of all element segments together: each costs every instance 0.4 µs, and may be held as a reference. */
  segmentElements: 200_000,
  /** Locals of one function, without its parameters. */
  locals: 50_000,
  /**
   * Branches and calls, weighed, times the locals and the stack there, of one function and of all: see `CompileCost`.
   * At the bound V8's compilers take some 100 MB and a third of a second for a function; functions from large programs
   * in C, Rust and Go built with optimisation stay below a tenth.
   */
  compileCost: 64_000_000,
  moduleCompileCost: 1_000_000_000,
  /** Locals of all functions together: V8 looks at each, and one takes five bytes to declare fifty thousand. */
  moduleLocals: 20_000_000,
  /** Blocks within blocks in one function. */
  nesting: 10_000,
  /** Loops within loops: V8 compiles a nest in time quadratic to its depth. */
  nestedLoops: 250,
  /**
   * Values that instructions with several results, or more than `narrowParams` parameters, move in all. A two-byte call
   * of a function with a thousand results costs V8 34 KB while it validates: 120 KB of them took 2 GB.
   */
  wideValues: 4_000_000,
  narrowParams: 16,
  /** `memory.grow` instructions in all; each makes the rewritten module a few bytes longer. */
  growSites: 100_000,
  /** Loops in all, and bulk instructions and throws: each makes the rewritten module up to fifty bytes longer. */
  loops: 300_000,
  bulkSites: 300_000,
  /** Labels that metering may move in all; past them loops are charged the slower way. */
  movedLabels: 300_000,
  /** Modules of one package that others import by name. */
  libraries: 16,
  /** What all modules of a package take in one execution beside their memories, in bytes; see `instance-cost.ts`. */
  setBytes: 134_217_728,
  /** Bytes of one function once rewritten: V8's own limit. */
  functionBytes: 7_654_321,
} as const;

/** Largest size V8 gives a 32-bit memory, in 64 KiB pages; written where a module declares no maximum. */
export const MAX_MEMORY_PAGES = 65_536;
