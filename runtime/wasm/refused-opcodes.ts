/** What a feature that does not run here is called, and its opcodes by number. */
interface Refused {
  readonly feature: string;
  /** Names in order of the number after the prefix; empty for an opcode of one byte. */
  readonly names: readonly string[];
}

const split = (text: string): string[] => text.trim().split(/\s+/);

/** Source: WebAssembly 3.0 core specification, §5.4.4 and §5.4.5. */
const GC = split(`
  struct.new struct.new_default struct.get struct.get_s struct.get_u struct.set array.new array.new_default
  array.new_fixed array.new_data array.new_elem array.get array.get_s array.get_u array.set array.len array.fill
  array.copy array.init_data array.init_elem ref.test ref.test_null ref.cast ref.cast_null br_on_cast br_on_cast_fail
  any.convert_extern extern.convert_any ref.i31 i31.get_s i31.get_u`);

/** One operation for each width there is; what is narrower than its type is extended without a sign. */
function sized(operation: string): string[] {
  const widths = ['i32 ', 'i64 ', 'i32 8', 'i32 16', 'i64 8', 'i64 16', 'i64 32'];
  return widths.map((width) => {
    const [type, bits = ''] = width.split(' ');
    const extended = bits !== '' && operation !== 'store*' ? '_u' : '';
    return `${type}.atomic.${operation.replace('*', bits)}${extended}`;
  });
}

/** Source: WebAssembly threads proposal. */
const ATOMIC = [
  ...split('memory.atomic.notify memory.atomic.wait32 memory.atomic.wait64 atomic.fence'),
  ...new Array<string>(12).fill(''),
  ...sized('load*'),
  ...sized('store*'),
  ...['add', 'sub', 'and', 'or', 'xor', 'xchg', 'cmpxchg'].flatMap((name) => sized(`rmw*.${name}`)),
];

const STACK_SWITCHING = split('cont.new cont.bind suspend resume resume_throw resume_throw_ref switch');

const BY_BYTE: ReadonlyMap<number, Refused> = new Map([
  [0xd3, { feature: 'WasmGC (ref.eq)', names: [] }],
  [0xfb, { feature: 'WasmGC', names: GC }],
  [0xfe, { feature: 'atomic operations on shared memory', names: ATOMIC }],
  ...STACK_SWITCHING.map((name, index): [number, Refused] => [
    0xe0 + index,
    { feature: `stack switching (${name})`, names: [] },
  ]),
]);

/**
 * What to say of an opcode that does not run here.
 * @param next the number behind a prefix byte, where there is one
 * @returns the feature, the instruction where it is known, its bytes
 */
export function describeRefused(opcode: number, next: number | undefined): string {
  const refused = BY_BYTE.get(opcode);
  const hex = `0x${opcode.toString(16).padStart(2, '0')}`;
  if (refused === undefined) return `uses the unknown opcode ${hex}`;
  if (refused.names.length === 0 || next === undefined) return `uses ${refused.feature}, opcode ${hex}`;
  const name = refused.names[next] || 'an unknown instruction';
  return `uses ${refused.feature} (${name}), opcode ${hex} 0x${next.toString(16).padStart(2, '0')}`;
}

/** Whether an opcode that does not run here is followed by another number. */
export function isRefusedPrefix(opcode: number): boolean {
  return (BY_BYTE.get(opcode)?.names.length ?? 0) > 0;
}
