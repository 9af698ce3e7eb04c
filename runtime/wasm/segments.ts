import { BOUNDS } from './bounds.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ModuleShape } from './module-shape.ts';
import { readValueType } from './value-types.ts';
import { walkExpression } from './walk-code.ts';

/**
 * Reads the element section. Flags of a segment: 1 passive or declared, 2 has a table index (or, beside 1, is declared),
 * 4 holds expressions instead of function indexes. Source: WebAssembly 3.0 core specification, §5.5.12.
 */
export function readElements(reader: ByteReader, shape: ModuleShape): void {
  const count = reader.count(BOUNDS.segments, 'element segments');
  shape.elementSegments = count;
  for (let index = 0; index < count; index += 1) {
    const at = reader.position;
    const flags = reader.u32();
    if (flags > 7) reader.fail(`has an element segment with the unknown flags ${flags}`, at);
    const active = (flags & 1) === 0;
    const expressions = (flags & 4) !== 0;
    if (active) {
      if (flags & 2) reader.u32();
      walkExpression(reader, shape, null);
    }
    if (flags & 3) {
      if (expressions) readValueType(reader);
      else if (reader.u8() !== 0) reader.fail('has an element segment of an unknown kind', reader.position - 1);
    }
    const elements = reader.count(BOUNDS.segmentElements, 'elements in a segment');
    shape.segmentElements += elements;
    if (shape.segmentElements > BOUNDS.segmentElements) {
      reader.fail(`takes the elements of all segments past ${BOUNDS.segmentElements}`, at, 'build a smaller module');
    }
    for (let element = 0; element < elements; element += 1) {
      if (expressions) walkExpression(reader, shape, null);
      else reader.u32();
    }
  }
}

/** Reads the data section. Flags of a segment: 0 active, 1 passive, 2 active with a memory index. */
export function readData(reader: ByteReader, shape: ModuleShape): void {
  const count = reader.count(BOUNDS.segments, 'data segments');
  shape.dataSegments = count;
  for (let index = 0; index < count; index += 1) {
    const at = reader.position;
    const flags = reader.u32();
    if (flags > 2) reader.fail(`has a data segment with the unknown flags ${flags}`, at);
    if (flags === 2 && reader.u32() !== 0) reader.fail('fills a second memory', at, 'build it with one memory');
    if (flags !== 1) walkExpression(reader, shape, null);
    const length = reader.u32();
    reader.skip(length);
    if (flags !== 1) shape.dataBytes += length;
  }
}
