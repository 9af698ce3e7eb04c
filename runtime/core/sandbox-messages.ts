import type { EntryCall } from './entry-call.ts';
import type { ExecutionContext, SeedFile } from './execution.ts';
import type { HostCallTrace } from './host-call-trace.ts';
import type { ModuleFacts } from './module-facts.ts';
import type { ServiceReply, ServiceRequest } from './services.ts';

/** A named model server: guests see it as `http://NAME/`. */
export interface UpstreamConfig {
  readonly url: string;
  /** Sent with every request to it; win over a guest's. May hold secrets: never logged, never shown to a guest. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** `workerData` of a sandbox thread: all it is ever told about its host. */
export interface SandboxThreadData {
  readonly upstreams: Readonly<Record<string, UpstreamConfig>>;
  /** Whether the operator lets guests start processes at all. */
  readonly processes: boolean;
  /** Operator's ceiling of linear memory, in 64 KiB pages. */
  readonly memoryPages: number;
  /** Most bytes kept in unused linear memories. */
  readonly poolBytes: number;
  /** Most bytes of linear memory that live executions of this thread may grow to together. */
  readonly liveBytes: number;
  /** Fuel that a guest is given at a time; `null` to have slices of about a millisecond. */
  readonly sliceFuel: number | null;
  /** Cells of `THREAD_CELL`, shared with the front thread. */
  readonly cells: Int32Array<SharedArrayBuffer>;
  /** One byte for each execution, by its slot: 1 once it has made a host call with an effect outside. */
  readonly effects: Uint8Array<SharedArrayBuffer>;
  /** For tests: the self-test of the thread is made with an error that guests can catch. */
  readonly catchableTrap: boolean;
  /** Zero of the deadlines in the cells, in ms since the Unix epoch. */
  readonly epochMs: number;
}

/** Indices into the shared cells: what the front thread can still read of a thread that stopped answering. */
export const THREAD_CELL = {
  /** Id of the execution whose code is on the CPU; 0 when none is. */
  onCpu: 0,
  /** That execution's deadline, in ms since `epochMs`, its low 32 bits. */
  deadline: 1,
  /** Number of executions this thread ever started, its low 32 bits; they start in the order they were sent. */
  started: 2,
  /** Goes up each time a guest's code gets on the CPU: as long as it stays, one guest holds it without a break. */
  turn: 3,
} as const;
export const THREAD_CELLS = 4;

/**
 * A number as a cell holds it: its low 32 bits, since a process that runs for weeks counts past them. Cells are compared
 * by `cellDifference` only.
 */
export function toCell(value: number): number {
  return value | 0;
}

/** How far `a` is past `b`, for numbers less than 2³¹ apart, whichever of them came out of a cell. */
export function cellDifference(a: number, b: number): number {
  return (toCell(a) - toCell(b)) | 0;
}

/** Largest id of an execution; the next one after it is 1 again. */
export const MAX_EXECUTION_ID = 0x7fff_ffff;

/** A module as a sandbox thread keeps it. */
export interface ModuleEntry {
  readonly module: WebAssembly.Module;
  readonly facts: Pick<ModuleFacts, 'memory' | 'imports' | 'links' | 'hasStart' | 'catches' | 'setupFuel'>;
}

/** A function as a sandbox thread keeps it: sent once, then named by its number. */
export interface FunctionEntry extends ModuleEntry {
  readonly facts: ModuleEntry['facts'] & {
    /** Of the module, or of all of them where there are several: what a quarantine goes by. */
    readonly sha256: string;
    /** Export to call; `null` when the start section is all there is. */
    readonly entry: string | null;
    /** How to call it, where not like a program. */
    readonly call?: EntryCall;
    /** Of all its modules; see `ModuleFacts`. */
    readonly instanceBytes: number;
  };
  /** Modules that it, or those behind, import by name; in the order they are instantiated in. */
  readonly libraries?: readonly (ModuleEntry & { readonly name: string })[];
}

/** Linear memory that all modules of a function begin with, in 64 KiB pages; one that is linked is counted once. */
export function initialPages({ facts, libraries = [] }: FunctionEntry): number {
  const names = new Set(libraries.map(({ name }) => name));
  let pages = 0;
  for (const { memory, links } of [facts, ...libraries.map((library) => library.facts)]) {
    const isLinked = links.some(({ kind, module }) => kind === 'memory' && names.has(module));
    if (memory !== null && !isLinked) pages += memory.initial;
  }
  return pages;
}

/** What an execution may use and reach; many share one, so it too is sent once. */
export type Grant = Pick<ExecutionContext, 'limits' | 'permissions'>;

/** One execution to start. An array, which as JSON is shorter and read faster than an object. */
export type RunMessage = readonly [
  /** Positive, unique within the process. */
  id: number,
  functionNumber: number,
  grantNumber: number,
  args: readonly string[],
  /** Name, value, name, value, … */
  env: readonly string[],
  /** `null` for an empty one. */
  stdin: Uint8Array | null,
  /** Number of its files; 0: an empty file system, −1: none. */
  files: number,
  /** Place of its byte in `effects`. */
  slot: number,
];

/** Front thread → sandbox thread; one message a turn, however many requests. Read in the order of its fields. */
export interface ToSandbox {
  readonly functions: readonly (readonly [functionNumber: number, entry: FunctionEntry])[];
  readonly grants: readonly (readonly [grantNumber: number, grant: Grant])[];
  readonly files: readonly (readonly [filesNumber: number, files: readonly SeedFile[]])[];
  readonly runs: readonly RunMessage[];
  /** Executions among them whose host calls are to be recorded, where there are any. */
  readonly traced?: readonly number[];
  /** Executions whose caller went away. */
  readonly cancels: readonly number[];
  /** Numbers that will not be used again. */
  readonly droppedFunctions: readonly number[];
  readonly droppedGrants: readonly number[];
  readonly droppedFiles: readonly number[];
  /** Answers to questions of this thread, where there are any. */
  readonly replies?: readonly ServiceReply[];
}

/** Sandbox thread → front thread. */
export interface FromSandbox {
  /** The thread takes executions from here on. `catching`: encodings of exceptions in which guests could catch their end. */
  readonly ready?: { readonly catching: readonly string[] };
  /** Outcomes as text; empty where there is none. See `packOutcomes`. */
  readonly outcomes: string;
  /** Large outputs that they name. */
  readonly outputs?: readonly Uint8Array[];
  readonly logs: readonly string[];
  /** Host calls of those among the outcomes that were traced, by id; absent where none was. */
  readonly traces?: ReadonlyMap<number, readonly HostCallTrace[]>;
  /** Questions for the front thread's services; read before the outcomes. */
  readonly requests?: readonly ServiceRequest[];
}
