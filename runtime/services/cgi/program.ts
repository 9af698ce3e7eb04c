import type { CgiCommand, CgiStream } from '../../core/services.ts';
import { startChild } from './child.ts';
import type { CgiProcess, Extension } from './extension.ts';
import { OutputBuffer } from './output-buffer.ts';
import type { ProcessGroups } from './process-groups.ts';
import { extensionVariables } from './variables.ts';

/** Output kept of one process until it is read; past it stdout is held up and stderr is lost. */
const STDOUT_BYTES = 4_194_304;
const STDERR_BYTES = 262_144;
/** How long a guest waits on a silent program before the program is told that no more input comes, in ms. */
const IDLE_MS = 250;

export interface ProgramInit extends Pick<Extension, 'alias' | 'fileName' | 'description' | 'md5'> {
  /** Path or name of the program, then the arguments that come before the guest's. */
  readonly argv: readonly [command: string, ...args: string[]];
  /** Longest time it may run, in ms; `null`: as long as the execution. */
  readonly timeoutMs: number | null;
}

/** An extension that is a program on this machine. */
export function createProgram(
  { groups, log }: { groups: ProcessGroups; log: (line: string) => void },
  init: ProgramInit,
): Extension {
  const { alias, fileName, description, md5, timeoutMs } = init;
  const [command, ...fixed] = init.argv;
  return {
    alias,
    fileName,
    description,
    md5,
    start({ args, env: declared }: CgiCommand): CgiProcess | string {
      const { env, refused } = extensionVariables(groups.path, declared);
      if (refused.length > 0) {
        log(`extension ${alias}: left out variables that a guest may not set: ${refused.slice(0, 8).join(', ')}`);
      }
      const stdout = new OutputBuffer(STDOUT_BYTES, 'wait');
      const stderr = new OutputBuffer(STDERR_BYTES, 'drop');
      const child = startChild(groups, { command, args: [...fixed, ...args], env, stdout, stderr });
      if (typeof child === 'string') return child;
      const timer =
        timeoutMs === null
          ? undefined
          : setTimeout(() => {
              log(`extension ${alias} was ended after ${timeoutMs} ms; raise extensions.${alias}.timeoutMs for more`);
              child.kill();
            }, timeoutMs);
      void child.ended.then(() => clearTimeout(timer));
      return {
        write: child.write,
        read: createReader({ stdout, stderr }, child.closeStdin),
        kill: child.kill,
        ended: child.ended,
      };
    },
  };
}

/**
 * Reads the streams. The ABI has no way to end a program's input, and some answer only then: when a guest waits for
 * stdout, so wrote all it wanted, and nothing comes for a while, `closeStdin` is called. One that writes again after it
 * got an answer does so within that time.
 */
export function createReader(streams: Record<CgiStream, OutputBuffer>, closeStdin: () => void): CgiProcess['read'] {
  return async (stream, capacity) => {
    const buffer = streams[stream];
    const idle = stream === 'stdout' && buffer.empty ? setTimeout(closeStdin, IDLE_MS) : undefined;
    try {
      return await buffer.read(capacity);
    } finally {
      clearTimeout(idle);
    }
  };
}
