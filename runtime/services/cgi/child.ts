import { type ChildProcess, spawn } from 'node:child_process';
import type { OutputBuffer } from './output-buffer.ts';
import type { ProcessGroup, ProcessGroups } from './process-groups.ts';

/** How long a pipe may stay open after its program ended, in ms. */
const LEFT_OPEN_MS = 500;

export interface ChildInit {
  readonly command: string;
  readonly args: readonly string[];
  /** All of its environment but for the mark it is found by; nothing of ours is passed on. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdout: OutputBuffer;
  readonly stderr: OutputBuffer;
}

/** A running program in a process group of its own. */
export interface Child {
  /** Resolves when every byte is in the pipe: true; or the program takes no more: false. */
  write(bytes: Uint8Array): Promise<boolean>;
  closeStdin(): void;
  /** Ends it and what it started, at once. */
  kill(): void;
  /** Its exit code, or the signal that ended it; resolves after its last output. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/**
 * Starts a program, without a shell. Its output is taken in whether anybody reads it or not. When it ends, whatever it
 * left running in its group is ended as well.
 * @returns the error's text where it cannot be started
 */
export function startChild(groups: ProcessGroups, init: ChildInit): Child | string {
  const mark = groups.mark();
  let child: ChildProcess;
  try {
    // A group of its own, so that it can be ended together with what it starts.
    const env = { ...init.env, [mark[0]]: mark[1] };
    child = spawn(init.command, init.args, { env, stdio: 'pipe', detached: true, windowsHide: true });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  child.on('error', () => {});
  const { pid, stdin, stdout, stderr } = child;
  if (pid === undefined || stdin === null || stdout === null || stderr === null) {
    return `${init.command} cannot be started; check that it is there and may be executed`;
  }
  const group = groups.adopt(pid, mark);
  // Broken pipes are told to who writes.
  stdin.on('error', () => {});
  for (const [stream, buffer] of [
    [stdout, init.stdout],
    [stderr, init.stderr],
  ] as const) {
    stream.on('data', (chunk: Buffer) => {
      // Once it is over, only what is in the pipe is left to take in.
      if (buffer.push(chunk) || child.exitCode !== null || child.signalCode !== null) return;
      stream.pause();
      buffer.onSpace = () => void stream.resume();
    });
    stream.on('error', () => {});
    // A program may close a stream and go on; where both are one buffer, only its end ends them.
    if (init.stdout !== init.stderr) stream.once('end', () => buffer.end());
  }
  return {
    write: (bytes) => new Promise((resolve) => stdin.write(bytes, (error) => resolve(error == null))),
    closeStdin: () => void stdin.end(),
    kill: () => group.kill(),
    ended: ending(child, group, init),
  };
}

function ending(child: ChildProcess, group: ProcessGroup, init: ChildInit): Promise<number | NodeJS.Signals> {
  return new Promise((resolve) => {
    let leftOpen: NodeJS.Timeout | undefined;
    child.once('exit', () => {
      // What it left behind; right now, while nobody else can have got its number.
      group.kill();
      group.forget();
      void group.killEscaped();
      child.stdin?.destroy();
      // A full buffer must not keep us from seeing the end, nor a process that left the group and kept the pipe.
      for (const stream of [child.stdout, child.stderr]) stream?.resume();
      leftOpen = setTimeout(() => {
        for (const stream of [child.stdout, child.stderr]) stream?.destroy();
      }, LEFT_OPEN_MS);
    });
    child.once('close', (code, signal) => {
      clearTimeout(leftOpen);
      init.stdout.end();
      init.stderr.end();
      resolve(code ?? signal ?? 'SIGKILL');
    });
  });
}
