import process from 'node:process';
import type { WriteStream } from 'node:tty';
import { canDraw, createColours } from './colour.ts';
import { EXIT } from './exit.ts';
import { ownLastLine, print, size } from './terminal.ts';

export interface ProgressOptions {
  /** How far there is to go, in the unit; left out where nobody knows: then there is no bar, only what has been done. */
  readonly total?: number;
  /** What is counted; default `count`. */
  readonly unit?: 'bytes' | 'count';
  /** Shows nothing at all: for `--json` and `--quiet`. */
  readonly quiet?: boolean;
}

/** One piece of work under way, told as it goes on. Calls are cheap; drawing has its own pace. */
export interface Progress {
  /** How far it is, and how far there is to go where that has become known. */
  at(done: number, total?: number): void;
  /** So much further than before. */
  add(amount: number): void;
  /** What is going on now. */
  label(text: string): void;
}

export interface ProgressDisplay {
  /**
   * Runs work and shows how far it is: a bar that is gone afterwards on a terminal, now and then a line elsewhere.
   * Nothing is shown for work that is done soon.
   */
  run<T>(label: string, options: ProgressOptions, work: (progress: Progress) => Promise<T>): Promise<T>;
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const CLEAR = '\r\u001b[2K';
const BAR_CELLS = 20;
/** A bar that is gone before it can be read is a flicker; a line in a log stays, and may wait. In ms. */
const BAR_DELAY = 120;
const BAR_EVERY = 100;
const LINE_DELAY = 30_000;
const LINE_EVERY = 30_000;

interface State {
  label: string;
  done: number;
  total: number | undefined;
  readonly bytes: boolean;
}

/**
 * Makes a display on a stream. Bars of works at the same time share one line: the youngest is shown.
 * @param stream of `process`, or one with `isTTY`, `columns` and `write`
 * @param env `NO_COLOR` and `TERM` are read
 * @param times delay and interval in place of the usual ones, in ms
 */
export function createProgressDisplay(
  stream: Pick<WriteStream, 'isTTY' | 'columns' | 'write'>,
  env: Readonly<Record<string, string | undefined>>,
  times: { delay?: number; every?: number } = {},
): ProgressDisplay {
  const bar = canDraw(stream, env);
  const colours = createColours(stream, env);
  const delay = times.delay ?? (bar ? BAR_DELAY : LINE_DELAY);
  const every = times.every ?? (bar ? BAR_EVERY : LINE_EVERY);
  const active: State[] = [];
  let frame = 0;
  let drawn = false;

  const clear = (): void => {
    if (drawn) stream.write(CLEAR);
    drawn = false;
  };
  const draw = (): void => {
    const state = active.at(-1);
    if (state === undefined) return;
    // A terminal that does not tell its size says 0.
    const columns = stream.columns > 0 ? stream.columns : 80;
    const spinner = FRAMES[frame++ % FRAMES.length] ?? '';
    stream.write(`${CLEAR}${colours.green(spinner)} ${fit(state, columns - 3)}`);
    drawn = true;
  };
  /** Signals end a process without its `finally`; the line must not stay behind. */
  const onSignal = (): void => {
    clear();
    if (process.listenerCount('SIGINT') === 1) process.exit(EXIT.interrupted);
  };
  const enter = (state: State): void => {
    if (active.length === 0 && bar) {
      ownLastLine({ clear });
      process.on('exit', clear);
      process.on('SIGINT', onSignal);
    }
    active.push(state);
  };
  const leave = (state: State): void => {
    active.splice(active.indexOf(state), 1);
    clear();
    if (active.length > 0 || !bar) return;
    ownLastLine(undefined);
    process.off('exit', clear);
    process.off('SIGINT', onSignal);
  };

  return {
    async run(label, { total, unit = 'count', quiet = false }, work) {
      const state: State = { label: plain(label), done: 0, total, bytes: unit === 'bytes' };
      const progress: Progress = {
        at(done, newTotal) {
          state.done = done;
          if (newTotal !== undefined) state.total = newTotal;
        },
        add(amount) {
          state.done += amount;
        },
        label(text) {
          state.label = plain(text);
        },
      };
      if (quiet) return await work(progress);
      enter(state);
      const show = bar ? draw : (): void => void stream.write(`${[state.label, ...measure(state)].join(' ')}\n`);
      let ticking: NodeJS.Timeout | undefined;
      const waiting = setTimeout(() => {
        show();
        ticking = setInterval(show, every);
        ticking.unref();
      }, delay);
      waiting.unref();
      try {
        return await work(progress);
      } finally {
        clearTimeout(waiting);
        clearInterval(ticking);
        leave(state);
      }
    },
  };
}

/** Percent and amounts, as far as they are known. */
function measure({ done, total, bytes }: State): string[] {
  const shown = bytes ? size : String;
  if (total === undefined || total <= 0) return done > 0 ? [shown(done)] : [];
  return [`${Math.min(100, Math.floor((done / total) * 100))} %`, `${shown(done)} of ${shown(total)}`];
}

/** One line of at most so many characters, so that it never wraps: a wrapped one could not be cleared. */
function fit(state: State, columns: number): string {
  const { done, total } = state;
  const parts = measure(state);
  if (total !== undefined && total > 0 && columns >= BAR_CELLS + 40) {
    const full = Math.round(Math.min(1, done / total) * BAR_CELLS);
    parts.unshift(`▕${'█'.repeat(full)}${'░'.repeat(BAR_CELLS - full)}▏`);
  }
  const tail = parts.join(' ');
  const room = columns - tail.length - 1;
  const label = Array.from(state.label);
  const text = label.length <= room ? state.label : `${label.slice(0, Math.max(0, room - 1)).join('')}…`;
  return Array.from(`${text} ${tail}`.trimEnd()).slice(0, Math.max(0, columns)).join('');
}

/** A label may hold a stranger's file name: no control character of it reaches the terminal. */
function plain(text: string): string {
  return text.replace(/\p{C}/gu, '�');
}

let shared: ProgressDisplay | undefined;

/**
 * Runs work of a command and shows on stderr how far it is, see `ProgressDisplay`.
 * @param label what is going on, such as `fetching bafk…`
 */
export function withProgress<T>(
  label: string,
  options: ProgressOptions,
  work: (progress: Progress) => Promise<T>,
): Promise<T> {
  shared ??= createProgressDisplay(process.stderr, process.env);
  return shared.run(label, options, work);
}

/**
 * One step of a command: progress while it goes on, and one line on stdout when it is done.
 * @param work does it, and may tell how far it is
 * @param told the line that tells the result
 */
export async function step<T>(
  label: string,
  work: (progress: Progress) => Promise<T>,
  told: (value: T) => string,
  options: ProgressOptions = {},
): Promise<T> {
  const value = await withProgress(label, options, work);
  if (options.quiet !== true) print(`${createColours(process.stdout).green('✓')} ${told(value)}`);
  return value;
}
