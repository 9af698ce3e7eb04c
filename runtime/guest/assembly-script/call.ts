import type { CallType, EntryCall } from '../../core/entry-call.ts';
import { type GuestMemory, MemoryFault } from '../memory.ts';
import { readArguments, writeResult } from './values.ts';

/** What an exported function is called with. */
export interface CallInput {
  /** Without the name of the module. */
  readonly args: readonly string[];
  readonly stdin: Uint8Array;
}

/** The execution a function is called in. */
export interface Caller {
  readonly exports: WebAssembly.Exports;
  readonly memory: GuestMemory;
  /** Calls an export of the guest, which may pause and park; rejects with what came out of it. */
  call(exported: CallableFunction, ...args: readonly unknown[]): Promise<unknown>;
  /** Charges the guest for bytes that are copied in or out of it. @throws the trap when it cannot pay */
  charge(bytes: number): void;
  stdout(bytes: Uint8Array): void;
  stderr(bytes: Uint8Array): void;
  /** Ends the execution as `proc_exit(code)` does. */
  exit(code: number): never;
  /** Bytes of stdout that are kept. */
  readonly stdoutBytes: number;
}

/** Class id of strings in AssemblyScript's runtime; fixed in every version since 0.18. */
const STRING_ID = 2;
/** Where an object's class id and size are, before it. */
const ID_OFFSET = 8;
const SIZE_OFFSET = 4;
/** Bytes before an object that are its header's. */
const HEADER_BYTES = 20;
/** As a program that was called in a wrong way ends. */
const WRONG_USAGE = 2;

/**
 * Calls an exported function by the conventions of `@assemblyscript/loader` and prints what it returns. Strings are UTF-16
 * in the guest's memory, made by its `__new` and kept by its `__pin`. None of what it answers is believed: every pointer
 * and length is held against its memory.
 * @param name of the export, for messages
 * @throws Error, the guest's fault, when it breaks the conventions; whatever comes out of the guest
 */
export async function callExport(caller: Caller, name: string, plan: EntryCall, input: CallInput): Promise<void> {
  const { exports, memory } = caller;
  const exported = exports[name];
  if (typeof exported !== 'function') throw new Error(`there is no function ${name}`);
  const given = readArguments(plan.params, input);
  if (typeof given === 'string') {
    caller.stderr(new TextEncoder().encode(`${name}: ${given}\n`));
    caller.exit(WRONG_USAGE);
  }
  const values: unknown[] = [];
  for (const value of given) values.push(typeof value === 'string' ? await makeString(caller, value) : value);
  const setLength = exports.__setArgumentsLength;
  if (typeof setLength === 'function') await caller.call(setLength, values.length);
  const result = await caller.call(exported, ...values);
  if (plan.result === null) return;
  const text = isText(plan.result, result, memory)
    ? readString(caller, name, Number(result) >>> 0)
    : writeResult(plan.result, result);
  caller.stdout(new TextEncoder().encode(text));
}

async function makeString({ exports, memory, ...caller }: Caller, text: string): Promise<number> {
  const { __new: allocate, __pin: pin } = exports;
  if (typeof allocate !== 'function') throw new Error('there is no function __new');
  const bytes = Buffer.from(text, 'utf16le');
  caller.charge(bytes.length);
  const pointer = Number(await caller.call(allocate, bytes.length, STRING_ID)) >>> 0;
  try {
    memory.write(pointer, bytes);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    throw new Error(`__new(${bytes.length}) returned ${pointer}, where its memory has no room for as much`);
  }
  if (typeof pin === 'function') await caller.call(pin, pointer);
  return pointer | 0;
}

/** A string was recorded, or nothing was and the value points at one. */
function isText(type: CallType, value: unknown, memory: GuestMemory): boolean {
  if (type !== 'any') return type === 'string';
  const pointer = Number(value) >>> 0;
  if (pointer < HEADER_BYTES || pointer % 4 !== 0) return false;
  try {
    const size = memory.getU32(pointer - SIZE_OFFSET);
    memory.bytes(pointer, size);
    return memory.getU32(pointer - ID_OFFSET) === STRING_ID && size % 2 === 0;
  } catch (error) {
    if (error instanceof MemoryFault) return false;
    throw error;
  }
}

function readString({ memory, ...caller }: Caller, name: string, pointer: number): string {
  // null, to AssemblyScript.
  if (pointer === 0) return '';
  try {
    if (pointer < HEADER_BYTES || memory.getU32(pointer - ID_OFFSET) !== STRING_ID) {
      throw new Error(`${name} returned ${pointer}, which is no string`);
    }
    const size = memory.getU32(pointer - SIZE_OFFSET);
    memory.bytes(pointer, size);
    // A unit is at least a byte of output: what lies past the cap would be dropped.
    const kept = Math.min(size, (caller.stdoutBytes + 1) * 2) & ~1;
    caller.charge(kept);
    return new TextDecoder('utf-16le', { ignoreBOM: true }).decode(memory.bytes(pointer, kept));
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    throw new Error(`${name} returned ${pointer}, a string that lies outside of its memory`);
  }
}
