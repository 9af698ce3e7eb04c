import { BOUNDS } from './bounds.ts';
import type { ModuleShape } from './module-shape.ts';

/** Bytes of V8's heap that each takes in every instance, measured on Node 26. */
const BYTES = { tableElement: 24, filledElement: 64, function: 16, export: 375, global: 16, segment: 8 } as const;

/** Most that the tables of one instance can hold together. */
function tableElements(shape: ModuleShape): number {
  if (shape.code.growsTables) return BOUNDS.tableElements;
  return shape.tables.reduce((sum, table) => sum + table.initial, 0);
}

/** Roughly what one instance takes beside its linear memory, in bytes; see `ModuleFacts.instanceBytes`. */
export function estimateInstanceBytes(shape: ModuleShape): number {
  return (
    tableElements(shape) * BYTES.tableElement +
    shape.segmentElements * BYTES.filledElement +
    shape.elementSegments * BYTES.segment +
    (shape.imports.length + shape.functionTypes.length) * BYTES.function +
    shape.exports.length * BYTES.export +
    shape.globals.length * BYTES.global
  );
}
