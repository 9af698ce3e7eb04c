import { type Meter, NO_VALUES, OP } from './appended.ts';
import { ByteWriter } from './byte-writer.ts';

/** Most bytes that one of them takes, with the longest numbers. */
export const MAX_TEMPLATE_BYTES = 64;

/** Code that is written again and again, with other numbers in it. */
export interface Template {
  /** The code, with room for the numbers. */
  readonly bytes: Uint8Array;
  /** Offsets of the fuel that is charged, and how many bytes each takes. */
  readonly values: readonly number[];
  readonly valueBytes: number;
  /** Offsets of the index of the local for the fuel, and how many bytes each takes. */
  readonly locals: readonly number[];
  readonly localBytes: number;
  /** Offset of the branch that is rarely taken. */
  readonly rare: number;
}

/** What is written by templates. */
export const CHARGE = {
  /**
   * `fuel -= n; if fuel < 0: repay(n)`. Three instructions of the processor and a branch that is hardly ever taken;
   * `repay` gives `n` back before it asks, so that the check comes first after all.
   */
  plain: 0,
  /** The same by way of a local, which saves loading it again. */
  byLocal: 1,
  /** `if fuel < n: slow(n)`, then the fuel into the local: between the headers of the outer and the inner loop. */
  enter: 2,
  /** `local -= n`, out of the inner loop where it is below 0, else back from the local: behind the inner header. */
  round: 3,
} as const;

type Kind = (typeof CHARGE)[keyof typeof CHARGE];

/** Bytes of a number that is not negative in signed LEB128. */
export function signedLength(value: number): number {
  if (value < 0x40) return 1;
  if (value < 0x2000) return 2;
  if (value < 0x10_0000) return 3;
  return value < 0x800_0000 ? 4 : 5;
}

/** Bytes of a number in unsigned LEB128. */
export function unsignedLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** The templates of one module, each made when it is first asked for. */
export class ChargeTemplates {
  readonly #meter: Meter;
  readonly #made: (Template | undefined)[] = new Array(4 * 8 * 8).fill(undefined);

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  /** @param local index of the local; 0 where there is none */
  get(kind: Kind, value: number, local: number): Template {
    const valueBytes = signedLength(value);
    const localBytes = unsignedLength(local);
    const key = (kind << 6) | (valueBytes << 3) | localBytes;
    const made = this.#made[key] ?? makeTemplate(kind, this.#meter, valueBytes, localBytes);
    this.#made[key] = made;
    return made;
  }
}

function makeTemplate(kind: Kind, { fuel, slow, repay }: Meter, valueBytes: number, localBytes: number): Template {
  const code = new ByteWriter(MAX_TEMPLATE_BYTES);
  const values: number[] = [];
  const locals: number[] = [];
  let rare = 0;
  const value = (opcode: number): void => {
    values.push(code.u8(opcode).length);
    for (let byte = 0; byte < valueBytes; byte += 1) code.u8(0);
  };
  const local = (opcode: number): void => {
    locals.push(code.u8(opcode).length);
    for (let byte = 0; byte < localBytes; byte += 1) code.u8(0);
  };
  switch (kind) {
    case CHARGE.plain:
    case CHARGE.byLocal:
      code.u8(OP.globalGet).u32(fuel);
      value(OP.i32Const);
      code.u8(OP.i32Sub);
      if (kind === CHARGE.byLocal) local(OP.localTee);
      code.u8(OP.globalSet).u32(fuel);
      if (kind === CHARGE.byLocal) local(OP.localGet);
      else code.u8(OP.globalGet).u32(fuel);
      code.u8(OP.i32Const, 0, OP.i32LtS);
      rare = code.length;
      code.u8(OP.if, NO_VALUES);
      value(OP.i32Const);
      code.u8(OP.call).u32(repay).u8(OP.drop, OP.end);
      break;
    case CHARGE.enter:
      code.u8(OP.globalGet).u32(fuel);
      value(OP.i32Const);
      code.u8(OP.i32LtS);
      rare = code.length;
      code.u8(OP.if, NO_VALUES);
      value(OP.i32Const);
      code.u8(OP.call).u32(slow).u8(OP.drop, OP.end, OP.globalGet).u32(fuel);
      local(OP.localSet);
      break;
    default:
      // In a local, since going through memory from one round to the next would take longer than many a round does.
      local(OP.localGet);
      value(OP.i32Const);
      code.u8(OP.i32Sub);
      local(OP.localTee);
      code.u8(OP.i32Const, 0, OP.i32LtS);
      rare = code.length;
      code.u8(OP.brIf, 1);
      local(OP.localGet);
      code.u8(OP.globalSet).u32(fuel);
  }
  return { bytes: code.written.slice(), values, valueBytes, locals, localBytes, rare };
}
