import { env_var_read } from "./blockless";
import { ByteBuffer } from "./bytes";
import { parse } from "./json-parser";
import { fail } from "./output";
import { readStringTable } from "./string-table";
import { decode } from "./text";
import { environ_get, environ_sizes_get } from "./wasi";

const scratch = memory.data(8, 4);

// Small enough to fit the one page a program starts with; large, because bls-runtime fails on a buffer its data does not fit in.
// @ts-ignore: decorator
@inline const FIRST_CAPACITY: i32 = 8192;

// @ts-ignore: decorator
@lazy let fromWasi: Map<string, string> | null = null;
// @ts-ignore: decorator
@lazy let fromBlockless: Map<string, string> | null = null;

/** The value of a variable, or `null` when it is not set. */
export function get(name: string): string | null {
  const wasi = wasiVariables();
  if (wasi.has(name)) return wasi.get(name);
  const blockless = blocklessVariables();
  return blockless.has(name) ? blockless.get(name) : null;
}

/** The value of a variable, or the fallback when it is not set. */
export function getOr(name: string, fallback: string): string {
  const value = get(name);
  return value === null ? fallback : value;
}

/** The value of a variable. Where it is not set, the execution ends with a line on stderr and exit code 1. */
export function require(name: string): string {
  const value = get(name);
  if (value !== null) return value;
  fail(1, "the environment variable " + name + " is not set: give the execution a value for it");
  return "";
}

/** Every variable, as a map of the caller's own. */
export function all(): Map<string, string> {
  const result = new Map<string, string>();
  addAll(result, blocklessVariables());
  addAll(result, wasiVariables());
  return result;
}

function addAll(target: Map<string, string>, source: Map<string, string>): void {
  const names = source.keys();
  for (let i = 0; i < names.length; i++) target.set(names[i], source.get(names[i]));
}

function wasiVariables(): Map<string, string> {
  const known = fromWasi;
  if (known !== null) return known;
  const variables = new Map<string, string>();
  fromWasi = variables;
  if (environ_sizes_get(scratch, scratch + 4) != 0) return variables;
  const count = load<i32>(scratch);
  const size = load<i32>(scratch, 4);
  if (count <= 0) return variables;
  const table = new ArrayBuffer((count << 2) + size);
  const pointers = changetype<usize>(table);
  if (environ_get(pointers, pointers + (<usize>count << 2)) != 0) return variables;
  const entries = readStringTable(table, count);
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i];
    const equals = entry.indexOf("=");
    if (equals > 0) variables.set(entry.substring(0, equals), entry.substring(equals + 1));
  }
  return variables;
}

/** The JSON object of `env_var_read`. bls-runtime does not escape values in it: where it is not JSON, there are none. */
function blocklessVariables(): Map<string, string> {
  const known = fromBlockless;
  if (known !== null) return known;
  const variables = new Map<string, string>();
  fromBlockless = variables;
  let capacity = FIRST_CAPACITY;
  while (true) {
    const buffer = new ByteBuffer(capacity);
    if (env_var_read(buffer.reserve(capacity), capacity, scratch) != 0) return variables;
    const read = load<i32>(scratch);
    if (read == capacity && capacity < 1 << 26) {
      capacity <<= 1;
      continue;
    }
    buffer.commit(min(max(read, 0), capacity));
    const object = parse(decode(buffer.view())).value;
    const names = object.keys();
    for (let i = 0; i < names.length; i++) {
      // A host with no variables may say {"": ""}.
      if (names[i].length > 0) variables.set(names[i], object.get(names[i]).asString());
    }
    return variables;
  }
}
