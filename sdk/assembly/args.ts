import { readStringTable } from "./string-table";
import { args_get, args_sizes_get } from "./wasi";

const scratch = memory.data(8, 4);

/** The arguments, without the program's own name. */
export function args(): string[] {
  if (args_sizes_get(scratch, scratch + 4) != 0) return [];
  const count = load<i32>(scratch);
  const size = load<i32>(scratch, 4);
  if (count <= 1) return [];
  const table = new ArrayBuffer((count << 2) + size);
  const pointers = changetype<usize>(table);
  if (args_get(pointers, pointers + (<usize>count << 2)) != 0) return [];
  return readStringTable(table, count).slice(1);
}
