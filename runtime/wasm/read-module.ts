import { BOUNDS } from './bounds.ts';
import { ByteReader } from './byte-reader.ts';
import * as declarations from './declarations.ts';
import { readImports } from './imports.ts';
import { invalidModule } from './invalid-module.ts';
import { createModuleShape, type ModuleShape, SECTION, SECTION_ORDER, type SectionName } from './module-shape.ts';
import { readCode } from './read-code.ts';
import { readData, readElements } from './segments.ts';

const HEADER_LENGTH = 8;

type SectionReader = (reader: ByteReader, shape: ModuleShape) => void;

const SECTION_READERS: Readonly<Record<Exclude<SectionName, 'custom'>, SectionReader>> = {
  type: declarations.readTypes,
  import: readImports,
  function: declarations.readFunctions,
  table: declarations.readTables,
  memory: declarations.readMemories,
  tag: declarations.readTags,
  global: declarations.readGlobals,
  export: declarations.readExports,
  start: (reader, shape) => {
    shape.start = reader.u32();
  },
  element: readElements,
  dataCount: (reader) => {
    reader.u32();
  },
  code: readCode,
  data: readData,
};

const SECTION_NAMES: ReadonlyMap<number, SectionName> = new Map(
  Object.entries(SECTION).map(([name, id]) => [id, name as SectionName]),
);

/**
 * Reads a core module and holds its declarations against `BOUNDS`. Time and space are linear in its length. What it
 * accepts is not valid yet: types are V8's to check.
 * @param bytes begins with a core module's header
 * @throws InferbaseError ERR_INVALID_MODULE
 */
export function readModule(bytes: Uint8Array): ModuleShape {
  const shape = createModuleShape();
  const reader: ByteReader = new ByteReader(bytes, 'module');
  reader.position = HEADER_LENGTH;
  let rank = -1;
  while (!reader.done) {
    const start = reader.position;
    if (shape.sections.length >= BOUNDS.sections) {
      reader.fail(`has more than ${BOUNDS.sections} sections`, start, 'remove custom sections');
    }
    const id = reader.u8();
    const name = SECTION_NAMES.get(id);
    if (name === undefined)
      reader.fail(`has a section of the unknown id ${id}`, start, 'build it without that feature');
    reader.place = `${name} section`;
    const size = reader.u32();
    const contentAt = reader.position;
    const end = contentAt + size;
    if (end > bytes.length) reader.fail(`is ${size} bytes long but ${bytes.length - contentAt} are left`, start);
    reader.end = end;
    if (name === 'custom') {
      shape.sections.push({ name, start, contentAt, end, customName: reader.name() });
      reader.position = end;
    } else {
      const nextRank = SECTION_ORDER.indexOf(name);
      if (nextRank <= rank) reader.fail('is there twice or out of order', start);
      rank = nextRank;
      shape.sections.push({ name, start, contentAt, end });
      SECTION_READERS[name](reader, shape);
      reader.place = `${name} section`;
      if (reader.position !== end) reader.fail('has bytes left over');
    }
    reader.end = bytes.length;
    reader.place = 'module';
  }
  if (shape.functionTypes.length > 0 && !shape.sections.some(({ name }) => name === 'code')) {
    throw invalidModule(`the module declares ${shape.functionTypes.length} functions but has no code; build it again`);
  }
  return shape;
}
