import { InferbaseError } from '../core/errors.ts';
import { printable } from './terminal.ts';

/** Exit codes of the program; `exec` adds the guest's own and bls-runtime's (see `core/exit-codes.ts`). */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** `status`: nothing runs. */
  nothingRuns: 3,
  /** The address to listen on is taken. */
  addressTaken: 69,
  /** The data folder cannot be written. */
  dataFolder: 73,
  /** Node is too old; decided by the launcher. */
  oldNode: 78,
  interrupted: 130,
} as const;

/** Ends a command with a code of its own; what there is to say has been printed already. */
export class ExitError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit ${exitCode}`);
    this.exitCode = exitCode;
  }
}

export interface Report {
  readonly exitCode: number;
  /** Lines for stderr. */
  readonly lines: readonly string[];
}

/**
 * What to print and how to exit after a command failed.
 * @param debug show stacks as well
 */
export function reportFailure(error: unknown, debug: boolean): Report {
  const { exitCode, lines } = describeFailure(error, debug);
  // A message may repeat what a stranger chose; its own line ends stay.
  return { exitCode, lines: lines.flatMap((line) => line.split('\n')).map((line) => printable(line)) };
}

function describeFailure(error: unknown, debug: boolean): Report {
  if (error instanceof ExitError) return { exitCode: error.exitCode, lines: [] };
  if (isCancelled(error)) return { exitCode: EXIT.interrupted, lines: [] };
  const stack = debug && error instanceof Error && error.stack !== undefined ? [error.stack] : [];
  if (error instanceof InferbaseError) {
    const lines = [`error ${error.code}: ${error.message}`, ...error.details.map((line) => `  ${line}`), ...stack];
    return { exitCode: exitCodeOf(error), lines };
  }
  if (isSystemError(error)) {
    const exitCode = error.code === 'EADDRINUSE' ? EXIT.addressTaken : EXIT.failure;
    const text = LISTENING.has(error.syscall) ? explainListening(error) : explainFile(error);
    return { exitCode, lines: [`error ${error.code}: ${text}`, ...stack] };
  }
  const text = error instanceof Error ? error.message : String(error);
  const remedy = debug ? [] : ['  run again with INFERBASE_LOG_LEVEL=debug for where it happened'];
  return { exitCode: EXIT.failure, lines: [`error ERR_INTERNAL: ${text}`, ...remedy, ...stack] };
}

function exitCodeOf(error: InferbaseError): number {
  if (error.code === 'ERR_INVALID_SETTING') return EXIT.usage;
  if (error.code === 'ERR_STORE_UNAVAILABLE') return EXIT.dataFolder;
  return EXIT.failure;
}

function isCancelled(error: unknown): boolean {
  return error instanceof InferbaseError
    ? error.code === 'ERR_CANCELLED'
    : error instanceof Error && error.name === 'AbortError';
}

interface SystemError extends Error {
  readonly code: string;
  readonly syscall: string;
  readonly address?: string;
  readonly hostname?: string;
  readonly port?: number;
  /** What to do, where the address was not chosen with the usual flag. */
  readonly remedy?: string;
}

/** System calls that fail when an address cannot be listened on. */
const LISTENING: ReadonlySet<string> = new Set(['listen', 'bind', 'getaddrinfo']);

/** What to do about a file or folder that cannot be read or written. */
const FILE_REMEDIES: Readonly<Record<string, string>> = {
  EACCES: 'give this user the right to it, or work in another folder',
  EPERM: 'give this user the right to it, or work in another folder',
  EROFS: 'work in a folder that can be written',
  ENOSPC: 'make room on that disk',
};

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';
}

/** A file or folder of the user's: the sentence of Node, which begins with the code, and what to do. */
function explainFile({ code, message }: SystemError): string {
  const text = message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message;
  const remedy = FILE_REMEDIES[code];
  return remedy === undefined ? text : `${text}; ${remedy}`;
}

function explainListening({ code, address, hostname, port, message, remedy }: SystemError): string {
  const other = remedy ?? 'choose another with --listen-api ADDRESS:PORT';
  const where = address ?? hostname ?? 'the address';
  const full = port === undefined ? where : `${where}:${port}`;
  switch (code) {
    case 'EADDRINUSE':
      return `${full} is taken by another program; stop that one, or ${other}`;
    case 'EADDRNOTAVAIL':
      return `${full} is no address of this machine, as 127.0.0.1 and 0.0.0.0 are; ${other}`;
    case 'EACCES':
      return `${full} may not be listened on by this user, unlike ports from 1024 up; ${other}`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `${full} is a name that leads to no address; ${other}`;
    default:
      return `${full} cannot be listened on (${message}); ${other}`;
  }
}
