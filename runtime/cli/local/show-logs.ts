import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Colours, createColours } from '../colour.ts';
import { print, printable } from '../terminal.ts';
import { readLogLine } from './log-line.ts';
import { createLogReader } from './log-reader.ts';
import { type LocalRole, logPath, oldLogPath } from './role.ts';

const LOOK_EVERY_MS = 200;
const MAX_SHOWN = 16_384;
const WIDTH = 6;

export interface ShowLogs {
  /** How many lines of what was said before are shown, of all together. */
  readonly lines: number;
  /** Goes on until `signal` aborts. */
  readonly follow: boolean;
  /** One JSON object a line. */
  readonly json: boolean;
  readonly signal: AbortSignal;
}

interface Line {
  readonly role: LocalRole;
  /** ms since 1970: its own, else that of the line before it. */
  readonly time: number;
  readonly raw: string;
}

/** Prints what the processes of a project said, in the order of time as far as they tell it, and what they go on to say. */
export async function showLogs(root: string, roles: readonly LocalRole[], options: ShowLogs): Promise<void> {
  const { lines, follow, signal } = options;
  const show = createPrinter(options.json, createColours(process.stdout));
  const readers = roles.map((role) => ({ role, read: timed(role, logPath(root, role)) }));
  const said: Line[] = [];
  for (const { role, read } of readers) {
    said.push(...(await timed(role, oldLogPath(logPath(root, role)))()));
    said.push(...(await read()));
  }
  // A stable sort: lines of one process stay as they are.
  const sorted = said.sort((a, b) => a.time - b.time);
  for (const line of lines === 0 ? [] : sorted.slice(-lines)) show(line);
  while (follow && !signal.aborted) {
    for (const { read } of readers) for (const line of await read()) show(line);
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

/** Lines of one file with their times. */
function timed(role: LocalRole, path: string): () => Promise<Line[]> {
  const reader = createLogReader(path);
  let last: number | undefined;
  return async () => {
    const lines = await reader.read();
    return lines.map((raw) => {
      last = readLogLine(raw).time ?? last ?? reader.begun();
      return { role, time: last, raw };
    });
  };
}

/** Whatever a guest or a model server wrote, none of it steers the terminal. */
function createPrinter(json: boolean, colours: Colours): (line: Line) => void {
  return ({ role, raw }) => {
    if (json) return print(JSON.stringify({ role, line: raw }));
    const { time, severity, text } = readLogLine(raw);
    const clock = time === null ? '' : `${new Date(time).toTimeString().slice(0, 8)} `;
    const shown = printable(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
    const paint = { plain: (same: string) => same, warn: colours.yellow, error: colours.red }[severity];
    print(`${colours.dim(`${role.padEnd(WIDTH)} |`)} ${colours.dim(clock)}${paint(shown)}`);
  };
}
