import { REWRITTEN } from '../core/module-facts.ts';
import { BOUNDS } from './bounds.ts';
import type { ByteReader } from './byte-reader.ts';
import { EXTERN_KINDS, readGlobalType, readMemory, readTable, readTag, readTypeIndex } from './declarations.ts';
import { quoteName } from './invalid-module.ts';
import type { ModuleShape } from './module-shape.ts';

/** Reads the import section. What may be imported at all is for `checkImports`, which knows where it would come from. */
export function readImports(reader: ByteReader, shape: ModuleShape): void {
  const count = reader.count(BOUNDS.imports, 'imports');
  const seen = new Map<string, string>();
  for (let index = 0; index < count; index += 1) {
    const at = reader.position;
    const module = reader.name();
    const name = reader.name();
    const shown = `${quoteName(module)}.${quoteName(name)}`;
    const byte = reader.u8();
    const kind = EXTERN_KINDS[byte];
    if (kind === undefined) reader.fail(`imports the unknown kind ${byte} ${shown}`, at);
    if (module === REWRITTEN.importModule) {
      reader.fail(`imports the ${kind} ${shown}, a name that is reserved here`, at, 'rename the import');
    }
    const place = readImported(reader, shape, kind);
    const key = `${module}\u0000${name}`;
    const before = seen.get(key);
    // One object cannot be two things; two functions of one name are the same one.
    if (before !== undefined && (before !== kind || kind !== 'function')) {
      reader.fail(`imports ${shown} twice`, at, 'import it once');
    }
    seen.set(key, kind);
    if (kind === 'function') shape.imports.push({ module, name, typeIndex: place });
    shape.links.push({ module, name, kind, index: kind === 'function' ? shape.imports.length - 1 : place });
  }
}

/** @returns its index within its kind; of a function, its type's */
function readImported(reader: ByteReader, shape: ModuleShape, kind: (typeof EXTERN_KINDS)[number]): number {
  switch (kind) {
    case 'function':
      return readTypeIndex(reader, shape);
    case 'table':
      readTable(reader, shape, true);
      return shape.tables.length - 1;
    case 'memory':
      readMemory(reader, shape, true);
      return 0;
    case 'global':
      readGlobalType(reader, shape);
      if (shape.globals.length > BOUNDS.globals) reader.fail('imports too many globals');
      return shape.globals.length - 1;
    case 'tag':
      readTag(reader, shape, true);
      return shape.tagTypes.length - 1;
  }
}
