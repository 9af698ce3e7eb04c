import { join } from 'node:path';
import { mustRun } from '../packaging/commands.ts';
import type { Memory } from './soak-child.ts';

export interface SoakRow {
  readonly name: string;
  readonly once: Memory;
  readonly twice: Memory;
}

/** Memory after `count` executions against twice as many, of guests that end and of guests that are killed while they wait. */
export function measureSoak(count: number, tell: (line: string) => void): SoakRow[] {
  return (['ended', 'killed'] as const).map((mode) => {
    const name = mode === 'ended' ? 'executions' : 'executions killed while they wait';
    tell(`soak: ${count} and ${2 * count} ${name}`);
    const { stdout } = mustRun(process.execPath, [join(import.meta.dirname, 'soak-child.ts'), mode, String(count)]);
    const [once, twice] = JSON.parse(stdout) as [Memory, Memory];
    return { name: `${count} and ${2 * count} ${name}`, once, twice };
  });
}

export function renderSoak(rows: readonly SoakRow[]): string {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const change = (from: number, to: number): string =>
    `${to >= from ? '+' : ''}${((to / from - 1) * 100).toFixed(1)} %`;
  const pair = (from: number, to: number): string => `${megabytes(from)}, ${megabytes(to)} | ${change(from, to)}`;
  const body = rows.map(
    ({ name, once, twice }) =>
      `| ${name} | ${pair(once.heldBytes, twice.heldBytes)} | ${pair(once.residentBytes, twice.residentBytes)} |`,
  );
  return ['| soak | heap and external MB | | resident MB | |', '|---|--:|--:|--:|--:|', ...body].join('\n');
}
