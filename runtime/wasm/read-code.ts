import { BOUNDS } from './bounds.ts';
import type { ByteReader } from './byte-reader.ts';
import type { BodySpan } from './code-edits.ts';
import type { ModuleShape } from './module-shape.ts';
import { LOCALS_PER_FUEL } from './op-costs.ts';
import { readValueType } from './value-types.ts';
import { walkExpression } from './walk-code.ts';

/** Reads the code section: bounds locals, walks every body, notes what the rewriter will replace. */
export function readCode(reader: ByteReader, shape: ModuleShape): void {
  const sectionEnd = reader.end;
  const at = reader.position;
  const count = reader.count(BOUNDS.functions, 'function bodies');
  if (count !== shape.functionTypes.length) {
    reader.fail(`has ${count} bodies for ${shape.functionTypes.length} functions`, at);
  }
  let allLocals = 0;
  const { edits, compile } = shape.code;
  for (let index = 0; index < count; index += 1) {
    reader.place = `code of function ${shape.imports.length + index}`;
    reader.end = sectionEnd;
    const size = reader.u32();
    const contentAt = reader.position;
    const end = contentAt + size;
    if (end > sectionEnd) reader.fail('ends too early', sectionEnd);
    reader.end = end;
    const { groups, groupsAt, locals } = readLocals(reader);
    allLocals += locals;
    if (allLocals > BOUNDS.moduleLocals) {
      reader.fail(`takes the locals of all functions past ${BOUNDS.moduleLocals}`, contentAt, 'declare fewer locals');
    }
    const codeAt = reader.position;
    const params = shape.types.params[shape.functionTypes[index] as number] ?? 0;
    edits.openFunction(params + locals);
    compile.openFunction(params + locals);
    const cost = walkExpression(reader, shape, edits);
    if (reader.position !== end) reader.fail('goes on after its last end');
    const problem = compile.closeFunction();
    if (problem !== null) reader.fail(problem, contentAt, 'build it with optimisation, or split its functions');
    const span = { contentAt, groupsAt, codeAt, end, groups, locals: params + locals };
    edits.closeFunction(span, Math.floor(locals / LOCALS_PER_FUEL) + cost);
  }
  reader.end = sectionEnd;
}

/** @returns how many locals one body declares, in how many groups, and where those begin */
function readLocals(reader: ByteReader): Pick<BodySpan, 'groups' | 'groupsAt' | 'locals'> {
  const groups = reader.count(BOUNDS.locals, 'groups of locals');
  const groupsAt = reader.position;
  let locals = 0;
  for (let index = 0; index < groups; index += 1) {
    const at = reader.position;
    locals += reader.u32();
    if (locals > BOUNDS.locals) reader.fail(`declares more than ${BOUNDS.locals} locals`, at, 'declare fewer locals');
    readValueType(reader);
  }
  return { groups, groupsAt, locals };
}
