/**
 * Runs a command of ours as somebody at a terminal would: stdin, stdout and stderr are one pseudo-terminal, made by
 * util-linux's `script`, which every Debian has.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { ROOT } from '../cli/command.ts';
import { untilWritten } from './until.ts';

export interface TerminalResult {
  /** Exit code; 128 + number for a signal, as a shell tells it. */
  readonly code: number | null;
  /** All bytes the terminal got, escape sequences included. */
  readonly raw: string;
  /** What is left on the screen, without colours. */
  readonly screen: string;
}

export interface Terminal {
  /**
   * Waits until what was written so far matches, without colours and with plain line ends; rejects when the command ends
   * before, or does not get there.
   */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** Types keys; `\u0003` is Ctrl-C, `\u0004` the end of input. */
  type(keys: string): void;
  readonly finished: Promise<TerminalResult>;
}

export interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Width of the terminal; default 100. */
  readonly columns?: number;
  /** Program to run; default our launcher on this Node. */
  readonly command?: readonly string[];
}

/** Why there is no pseudo-terminal here, for a test's `skip`; `false` where there is one. */
export const NO_TERMINAL: string | false = spawnSync('script', ['--version'], {
  encoding: 'utf8',
}).stdout?.includes('util-linux')
  ? false
  : "needs util-linux's script";

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Starts a command at a terminal, in `cwd`, with none of the tests' own environment but `PATH`. */
export function startAtTerminal(args: readonly string[], cwd: string, options: TerminalOptions = {}): Terminal {
  const command = options.command ?? [process.execPath, `${ROOT}/runtime/inferbase.js`];
  const line = `stty rows 40 cols ${options.columns ?? 100}; exec ${[...command, ...args].map(quoted).join(' ')}`;
  const env = { PATH: process.env.PATH ?? '', TERM: 'xterm-256color', SHELL: '/bin/sh', ...options.env };
  const child = spawn('script', ['-q', '-e', '-c', line, '/dev/null'], {
    cwd,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let raw = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    raw += chunk;
  });
  // A command that has ended reads no more keys.
  child.stdin.on('error', () => {});
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const finished = once(child, 'close').then(() => {
    process.off('exit', kill);
    return { code: child.exitCode, raw, screen: screenOf(raw) };
  });
  return {
    finished,
    type: (keys) => void child.stdin.write(keys),
    until: (pattern) =>
      untilWritten({ stdout: child.stdout, text: () => textOf(raw), finished, all: () => raw }, pattern),
  };
}

/** Runs a command at a terminal to its end. */
export function runAtTerminal(
  args: readonly string[],
  cwd: string,
  options: TerminalOptions = {},
): Promise<TerminalResult> {
  return startAtTerminal(args, cwd, options).finished;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
const TOKEN = /\u001b\[[0-9;?]*[A-Za-z]|[\s\S]/gu;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const COLOUR = /\u001b\[[0-9;]*m/g;

/** What was written, in order and whole, without colours and the carriage returns that a terminal puts before line ends. */
function textOf(raw: string): string {
  return raw.replace(COLOUR, '').replaceAll('\r\n', '\n');
}

/**
 * What a person sees in the end: carriage returns go back, `ESC [ K` and `ESC [ 2K` clear, colours are left out. Any
 * other sequence stays in the text, where a test will find it.
 */
export function screenOf(raw: string): string {
  const lines: string[][] = [[]];
  let column = 0;
  for (const [token] of raw.replace(COLOUR, '').matchAll(TOKEN)) {
    const line = lines.at(-1) ?? [];
    if (token === '\n') lines.push([]);
    else if (token === '\r') column = 0;
    else if (token === '\u001b[2K') line.length = 0;
    else if (token === '\u001b[K' || token === '\u001b[0K') line.length = Math.min(line.length, column);
    else {
      while (line.length < column) line.push(' ');
      line[column++] = token;
    }
  }
  return lines.map((line) => line.join('').trimEnd()).join('\n');
}
