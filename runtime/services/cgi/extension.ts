import type { CgiCommand, CgiStream } from '../../core/services.ts';

/** A program, or something like one, that a guest of this node may run by its alias. */
export interface Extension {
  readonly alias: string;
  /** As guests see it in the list; never a way to it. */
  readonly fileName: string;
  readonly description: string;
  /** Of the file, in hex; empty where there is none. */
  readonly md5: string;
  /** @returns why it cannot be started, for the log */
  start(command: CgiCommand): CgiProcess | string;
}

/** One that runs, for one execution. */
export interface CgiProcess {
  /** Resolves when it took every byte: true; or takes no more: false. */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Waits for output; empty: the stream has ended. */
  read(stream: CgiStream, capacity: number): Promise<Uint8Array>;
  /** Ends it and all it started, and with it every read. */
  kill(): void;
  /** Resolves when nothing of it is left. */
  readonly ended: Promise<unknown>;
}

/** Aliases are names, never paths. */
export const ALIAS = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
