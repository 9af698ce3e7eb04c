import type { CallType, EntryCall } from '../core/entry-call.ts';
import { ByteReader } from './byte-reader.ts';
import type { ModuleShape } from './module-shape.ts';

/** Custom section in which our build keeps what AssemblyScript types exports have: JSON, `{"handle": ["string", "string"]}`. */
const TYPES_SECTION = 'inferbase.types';

const MAX_BYTES = 65_536;
const MAX_SHOWN = 100;

/** AssemblyScript's name of a type → ours, and what WebAssembly makes of it. */
const TYPES: ReadonlyMap<string, readonly [type: CallType, wasm: string]> = new Map(
  Object.entries<readonly [CallType, string]>({
    string: ['string', 'i32'],
    bool: ['bool', 'i32'],
    i8: ['i32', 'i32'],
    i16: ['i32', 'i32'],
    i32: ['i32', 'i32'],
    isize: ['i32', 'i32'],
    u8: ['u32', 'i32'],
    u16: ['u32', 'i32'],
    u32: ['u32', 'i32'],
    usize: ['u32', 'i32'],
    i64: ['i64', 'i64'],
    u64: ['u64', 'i64'],
    f32: ['f32', 'f32'],
    f64: ['f64', 'f64'],
  }),
);

/**
 * Reads what types a module's exports were recorded to have: export → its parameters' types, then its result's (`void` for
 * none). An author writes it, so it is believed only where it fits the module's own types; whatever is off is left out.
 */
export function readRecordedTypes(bytes: Uint8Array, shape: ModuleShape): ReadonlyMap<string, readonly string[]> {
  const section = shape.sections.find(({ customName }) => customName === TYPES_SECTION);
  if (section === undefined || section.end - section.contentAt > MAX_BYTES) return new Map();
  const reader = new ByteReader(bytes, TYPES_SECTION);
  reader.position = section.contentAt;
  reader.name();
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(reader.position, section.end));
    const recorded: unknown = JSON.parse(text);
    if (typeof recorded !== 'object' || recorded === null) return new Map();
    return new Map(Object.entries(recorded).filter(([, types]) => isTypes(types)));
  } catch {
    return new Map();
  }
}

function isTypes(types: unknown): boolean {
  return Array.isArray(types) && types.length > 0 && types.every((type) => typeof type === 'string');
}

/**
 * The call that recorded types describe; `undefined` where they do not fit the module's own.
 * @param type the export's own, as `describeExports` writes it
 */
export function fittingCall(recorded: readonly string[] | undefined, type: string): EntryCall | undefined {
  if (recorded === undefined) return undefined;
  const unknown = recorded.find((name) => name !== 'void' && !TYPES.has(name));
  if (unknown !== undefined) return { params: [], result: null, unsupported: unknown.slice(0, MAX_SHOWN) };
  const params = recorded.slice(0, -1).map((name) => TYPES.get(name));
  const last = recorded.at(-1) ?? '';
  const result = TYPES.get(last);
  if (params.includes(undefined) || (result === undefined && last !== 'void')) return undefined;
  const wasm = params.map((found) => found?.[1]).join(', ');
  if (`(${wasm}) -> (${result?.[1] ?? ''})` !== type) return undefined;
  return { params: params.flatMap((found) => (found === undefined ? [] : [found[0]])), result: result?.[0] ?? null };
}
