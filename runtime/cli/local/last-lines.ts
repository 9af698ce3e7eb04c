import { open } from 'node:fs/promises';
import { readLogLine } from './log-line.ts';
import { type LocalRole, logPath } from './role.ts';

const READ_BYTES = 65_536;
const SHOWN_LINES = 20;

/** What a process said last, for the details of an error; empty where it said nothing. */
export async function lastLines(root: string, role: LocalRole): Promise<string[]> {
  const text = await readEnd(logPath(root, role), READ_BYTES).catch(() => '');
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.slice(-SHOWN_LINES).map((line) => readLogLine(line).text);
}

/** The last lines of a file: at most so many bytes, and no half line. */
async function readEnd(path: string, maxBytes: number): Promise<string> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  const bytes = Buffer.alloc(Math.min(size, maxBytes));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, size - bytes.length);
  const text = bytes.toString('utf8', 0, bytesRead);
  return size > maxBytes ? text.slice(text.indexOf('\n') + 1) : text;
}
