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

/** Fuel of each, measured like the bytes: one unit is half a nanosecond. */
const FUEL = {
  element: 800,
  elementSegment: 1_200,
  dataSegment: 150,
  dataByte: 1,
  function: 200,
  export: 500,
  global: 40,
} as const;

/** Fuel of making an instance: V8 does it in one go, before any code of the module runs; see `ModuleFacts.setupFuel`. */
export function estimateSetupFuel(shape: ModuleShape): number {
  return (
    shape.segmentElements * FUEL.element +
    shape.elementSegments * FUEL.elementSegment +
    shape.dataSegments * FUEL.dataSegment +
    shape.dataBytes * FUEL.dataByte +
    (shape.imports.length + shape.functionTypes.length) * FUEL.function +
    shape.exports.length * FUEL.export +
    shape.globals.length * FUEL.global
  );
}
