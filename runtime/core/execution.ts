import type { HostCallTrace } from './host-call-trace.ts';
import type { Limits } from './limits.ts';
import type { Permissions } from './permissions.ts';

/** Why an execution ended. The first cause recorded wins. */
export const CAUSES = [
  ...(['exited', 'trapped', 'deadline', 'fuel', 'memory', 'output', 'calls', 'cancelled', 'interrupted'] as const),
] as const;

export type Cause = (typeof CAUSES)[number];

/** Whether a text from elsewhere names a cause. */
export function isCause(text: string): text is Cause {
  return (CAUSES as readonly string[]).includes(text);
}

/** A file that a guest finds in its file system. */
export interface SeedFile {
  /** Path below `/`, names separated by slashes; one that ends in a slash is a directory, and `bytes` is empty. */
  readonly path: string;
  /** Shared by the executions of a thread: never written to. */
  readonly bytes: Uint8Array;
}

/** Everything a guest is given; nothing else reaches it. */
export interface ExecutionContext {
  /** argv; `args[0]` is the name of the module file. */
  readonly args: readonly string[];
  /** Environment in request order, duplicates kept; the last of a name wins in WASI's environ. */
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly stdin: Uint8Array;
  /**
   * What lies under `/` when it starts; none when missing. `null`: it has no file system at all. Pass the same array
   * again for the same files: it is known to the sandbox threads by identity.
   */
  readonly files?: readonly SeedFile[] | null;
  readonly limits: Limits;
  readonly permissions: Permissions;
  /** Record its host calls; for a person who watches one function, not for a node. */
  readonly trace?: boolean;
}

export interface Usage {
  /** From the start of the execution to its end, in ms, waiting included. */
  readonly wallMs: number;
  /** Its own time on the CPU, in ms: host calls included, waiting not. */
  readonly cpuMs: number;
  /** Fuel used: the same for the same input, wherever and beside whatever it ran. */
  readonly fuel: number;
  /** Largest size the linear memory reached, in bytes. */
  readonly peakMemoryBytes: number;
  readonly hostCalls: number;
  /**
   * Bytes that the guest took in: of standard input, response bodies and what extensions said. Read twice, counted twice;
   * arguments, environment and files are not counted.
   */
  readonly bytesIn: number;
  /** Bytes that it gave out: to standard output and error, kept or not, in request bodies and to extensions. */
  readonly bytesOut: number;
}

/** Usage of an execution that used nothing. */
export const NO_USAGE: Usage = {
  wallMs: 0,
  cpuMs: 0,
  fuel: 0,
  peakMemoryBytes: 0,
  hostCalls: 0,
  bytesIn: 0,
  bytesOut: 0,
};

/** What came of a guest that ran. Same shape whether it succeeded or not. */
export interface Outcome {
  readonly cause: Cause;
  /** The guest's own exit code, or the number bls-runtime gives this cause (see `exit-codes.ts`). */
  readonly exitCode: number;
  /** What happened in a few words: the trap's text, the limit that was met. Empty where the guest exited by itself. */
  readonly message: string;
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** Output past its cap was dropped. */
  readonly stdoutTruncated: boolean;
  readonly stderrTruncated: boolean;
  readonly usage: Usage;
  /** Its host calls in the order they began; only where `trace` was asked for. */
  readonly trace?: readonly HostCallTrace[];
}
