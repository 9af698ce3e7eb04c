import { type Appended, I32, OP } from './appended.ts';
import { BOUNDS } from './bounds.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import {
  CHARGE,
  ChargeTemplates,
  MAX_TEMPLATE_BYTES,
  signedLength,
  type Template,
  unsignedLength,
} from './charge-templates.ts';
import { BODY, BODY_STRIDE, type CodeEdits, EDIT, EDIT_STRIDE } from './code-edits.ts';
import { invalidModule } from './invalid-module.ts';
import type { ModuleShape, SectionSpan } from './module-shape.ts';
import { DYNAMIC_COST } from './op-costs.ts';

/** Name of the custom section that must stand before the code. Source: WebAssembly branch hinting proposal. */
const HINTS_SECTION = 'metadata.code.branch_hint';

/** Bytes of the longest LEB128 number of 32 bits. */
const MAX_LEB = 5;
/** Most bytes of the header of a loop. */
const MAX_HEADER = 1 + MAX_LEB;
/** Up to here bytes are copied one by one: a view of them costs more. */
const SHORT = 64;

/** What becomes of the code. */
export interface SplicedCode {
  readonly content: Uint8Array;
  /** Content of the custom section that tells V8 which branches are rare, so that it keeps them out of the way. */
  readonly hints: Uint8Array;
}

/** The code section with every edit made, and the appended functions behind the module's own. */
export function spliceCode(bytes: Uint8Array, old: SectionSpan, shape: ModuleShape, appended: Appended): SplicedCode {
  const reader = new ByteReader(bytes, 'code section');
  reader.position = old.contentAt;
  const count = reader.u32();
  const { edits } = shape.code;
  const firstFunction = shape.imports.length;
  const splicer = new Splicer(bytes, old.end - old.contentAt, edits, appended);
  splicer.begin(count + appended.functions.length);
  for (let index = 0; index < count; index += 1) {
    const length = splicer.body(index * BODY_STRIDE);
    if (length > BOUNDS.functionBytes) {
      throw invalidModule(
        `function ${firstFunction + index} takes ${length} bytes with its metering, more than the ${BOUNDS.functionBytes} V8 allows; split it`,
      );
    }
    splicer.hints(firstFunction + index);
  }
  return splicer.finish();
}

/** Most bytes that the edits add. */
function mostAdded({ edits, length, bodiesLength }: CodeEdits): number {
  let most = (bodiesLength / BODY_STRIDE) * (MAX_TEMPLATE_BYTES + 4 * MAX_LEB);
  for (let at = 0; at < length; at += EDIT_STRIDE) {
    const kind = edits[at];
    if (kind === EDIT.branchOut) most += 2 * MAX_TEMPLATE_BYTES + MAX_HEADER;
    else most += kind === EDIT.charge ? MAX_TEMPLATE_BYTES : 3 * MAX_LEB;
  }
  return most;
}

/**
 * Writes bodies with their edits, one behind the other. All of it is numbers in typed arrays: there may be a million
 * edits, and the first module of a process is rewritten before any of this is compiled.
 */
class Splicer {
  readonly #bytes: Uint8Array;
  readonly #edits: CodeEdits;
  readonly #appended: Appended;
  readonly #templates: ChargeTemplates;
  readonly #out: Uint8Array<ArrayBuffer>;
  #at = 0;
  #edit = 0;
  /** Where the open body begins. */
  #start = 0;
  readonly #hinted: Uint8Array<ArrayBuffer>;
  #hintedAt = 0;
  /** Offsets in the open body of the branches that are rarely taken: the first `#rareCount`. */
  readonly #rare: Int32Array;
  #rareCount = 0;

  constructor(bytes: Uint8Array, size: number, edits: CodeEdits, appended: Appended) {
    this.#bytes = bytes;
    this.#edits = edits;
    this.#appended = appended;
    this.#templates = new ChargeTemplates(appended);
    const more = appended.functions.reduce((sum, { length }) => sum + length + MAX_LEB, MAX_LEB);
    this.#out = new Uint8Array(size + mostAdded(edits) + more);
    const bodies = edits.bodiesLength / BODY_STRIDE;
    // At most two hints to an edit, one to a body's head.
    const hints = (edits.length / EDIT_STRIDE) * 2 + bodies;
    this.#rare = new Int32Array(hints);
    const name = new ByteWriter().name(HINTS_SECTION).u32(bodies).written;
    this.#hinted = new Uint8Array(name.length + bodies * 2 * MAX_LEB + hints * (MAX_LEB + 2));
    this.#hinted.set(name);
    this.#hintedAt = name.length;
  }

  /** @param bodies number of them, with those that are appended */
  begin(bodies: number): void {
    this.#at = writeU32(this.#out, this.#at, bodies);
  }

  /** Writes the next body. @param span where it stands among the numbers of `CodeEdits.bodies` @returns its length */
  body(span: number): number {
    const { bodies, edits } = this.#edits;
    const sizeAt = this.#at;
    // Where its size is as long as before, which it mostly is, the body is in its place already.
    const oldLength = (bodies[span + BODY.end] as number) - (bodies[span + BODY.contentAt] as number);
    const guessed = unsignedLength(oldLength);
    this.#start = sizeAt + guessed;
    this.#at = this.#start;
    this.#rareCount = 0;
    const codeAt = bodies[span + BODY.codeAt] as number;
    const needsLocal = bodies[span + BODY.needsLocal] === 1;
    const local = needsLocal ? (bodies[span + BODY.locals] as number) : null;
    if (needsLocal) {
      this.#u32((bodies[span + BODY.groups] as number) + 1);
      this.#copy(bodies[span + BODY.groupsAt] as number, codeAt);
      this.#out[this.#at] = 1;
      this.#out[this.#at + 1] = I32;
      this.#at += 2;
    } else this.#copy(bodies[span + BODY.contentAt] as number, codeAt);
    const cost = bodies[span + BODY.cost] as number;
    if (cost > 0) this.#charge(cost, local);
    const editsEnd = bodies[span + BODY.editsEnd] as number;
    let copied = codeAt;
    for (let edit = this.#edit; edit < editsEnd; edit += EDIT_STRIDE) {
      this.#copy(copied, edits[edit + 1] as number);
      copied = edits[edit + 2] as number;
      this.#write(edits, edit, local);
    }
    this.#edit = editsEnd;
    this.#copy(copied, bodies[span + BODY.end] as number);
    const length = this.#at - this.#start;
    const sizeBytes = unsignedLength(length);
    if (sizeBytes !== guessed) {
      this.#out.copyWithin(sizeAt + sizeBytes, this.#start, this.#at);
      this.#at = sizeAt + sizeBytes + length;
    }
    writeU32(this.#out, sizeAt, length);
    return length;
  }

  /** Writes the hints of the body just written. */
  hints(functionIndex: number): void {
    const hinted = this.#hinted;
    let at = writeU32(hinted, this.#hintedAt, functionIndex);
    at = writeU32(hinted, at, this.#rareCount);
    for (let index = 0; index < this.#rareCount; index += 1) {
      at = writeU32(hinted, at, this.#rare[index] as number);
      // One byte of value: 0, hardly ever taken.
      hinted[at] = 1;
      hinted[at + 1] = 0;
      at += 2;
    }
    this.#hintedAt = at;
  }

  finish(): SplicedCode {
    for (const more of this.#appended.functions) {
      this.#u32(more.length);
      this.#out.set(more.written, this.#at);
      this.#at += more.length;
    }
    return { content: this.#out.subarray(0, this.#at), hints: this.#hinted.subarray(0, this.#hintedAt) };
  }

  #u32(value: number): void {
    this.#at = writeU32(this.#out, this.#at, value);
  }

  #copy(start: number, end: number): void {
    const out = this.#out;
    const bytes = this.#bytes;
    let at = this.#at;
    if (end - start > SHORT) {
      out.set(bytes.subarray(start, end), at);
      this.#at = at + end - start;
      return;
    }
    for (let from = start; from < end; from += 1) out[at++] = bytes[from] as number;
    this.#at = at;
  }

  /** @param local index of the local for the fuel; `null` in a function with no room for one */
  #charge(value: number, local: number | null): void {
    if (local === null) this.#fill(this.#templates.get(CHARGE.plain, value, 0), value, 0);
    else this.#fill(this.#templates.get(CHARGE.byLocal, value, local), value, local);
  }

  #fill(template: Template, value: number, local: number): void {
    const out = this.#out;
    const at = this.#at;
    const { bytes, values, locals, valueBytes, localBytes } = template;
    out.set(bytes, at);
    for (let index = 0; index < values.length; index += 1) {
      writeLeb(out, at + (values[index] as number), value, valueBytes);
    }
    for (let index = 0; index < locals.length; index += 1) {
      writeLeb(out, at + (locals[index] as number), local, localBytes);
    }
    this.#rare[this.#rareCount++] = at - this.#start + template.rare;
    this.#at = at + bytes.length;
  }

  /** @param local as for `#charge`; where there is none, no loop is branched out of */
  #write(edits: Int32Array, edit: number, local: number | null): void {
    const out = this.#out;
    const value = edits[edit + 3] as number;
    switch (edits[edit]) {
      case EDIT.charge:
        this.#charge(value, local);
        return;
      case EDIT.branchOut: {
        if (local === null) throw new TypeError('a loop is branched out of without a local');
        const start = edits[edit + 1] as number;
        const end = edits[edit + 2] as number;
        // The outer loop takes and gives the same values, so what lies on the stack passes through both headers.
        this.#copy(start, end);
        this.#fill(this.#templates.get(CHARGE.enter, value, local), value, local);
        this.#copy(start, end);
        this.#fill(this.#templates.get(CHARGE.round, value, local), value, local);
        return;
      }
      case EDIT.closeLoop:
        out[this.#at++] = OP.end;
        return;
      case EDIT.label:
        this.#u32(value);
        return;
      case EDIT.grow:
        this.#call(this.#appended.grow);
        return;
      case EDIT.bulkMemory:
        this.#call(this.#appended.bulkMemory);
        return;
      case EDIT.bulkTable:
        this.#call(this.#appended.bulkTable);
        return;
      case EDIT.throw: {
        const bytes = DYNAMIC_COST.throw << DYNAMIC_COST.bytesShift;
        out[this.#at] = OP.i32Const;
        this.#at = writeLeb(out, this.#at + 1, bytes, signedLength(bytes));
        this.#call(this.#appended.bulkMemory);
        out[this.#at++] = OP.drop;
      }
    }
  }

  #call(functionIndex: number): void {
    this.#out[this.#at++] = OP.call;
    this.#u32(functionIndex);
  }
}

/** Unsigned LEB128. @returns the offset behind it */
function writeU32(out: Uint8Array, at: number, value: number): number {
  if (value >= 0x80) return writeLeb(out, at, value, unsignedLength(value));
  out[at] = value;
  return at + 1;
}

/** A number that is not negative in so many bytes of LEB128. @returns the offset behind it */
function writeLeb(out: Uint8Array, at: number, value: number, bytes: number): number {
  const last = at + bytes - 1;
  let rest = value;
  let next = at;
  for (; next < last; next += 1) {
    out[next] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  out[last] = rest;
  return last + 1;
}
