import { BOUNDS } from './bounds.ts';
import type { ModuleShape, TableShape } from './module-shape.ts';

/** Its tables can grow: by its own code, or by a module that they are linked to. */
export function sharesTables(shape: ModuleShape): boolean {
  return shape.code.growsTables || shape.exports.some(({ kind }) => kind === 'table');
}

/**
 * Most elements a table may grow to, so that all tables of the module stay within the bound on elements: what they do
 * not begin with is shared out evenly.
 */
export function boundOf(shape: ModuleShape, { initial, maximum }: TableShape): number {
  const used = shape.tables.reduce((sum, table) => sum + table.initial, 0);
  const bound = initial + Math.floor((BOUNDS.tableElements - used) / shape.tables.length);
  return maximum === null ? bound : Math.min(maximum, bound);
}
