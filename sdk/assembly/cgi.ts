import { cgi_close, cgi_list_exec, cgi_list_read } from "./blockless";
import { ByteBuffer } from "./bytes";
import { CgiCommand, CgiResult } from "./cgi-command";
import { parse } from "./json-parser";
import { decode } from "./text";

// @ts-ignore: decorator
@inline const CHUNK: i32 = 2048;

// Handle, then counts.
const scratch = memory.data(8, 4);

/** An extension the node offers. */
@final
export class CgiExtension {
  constructor(
    readonly alias: string,
    readonly description: string,
    readonly fileName: string,
    /** Of its file, in hex; may be empty. */
    readonly md5: string
  ) {}
}

/** The extensions the node offers; none where it offers none. */
export function list(): CgiExtension[] {
  const found = new Array<CgiExtension>();
  if (cgi_list_exec(scratch) != 0) return found;
  const handle = load<i32>(scratch);
  const text = new ByteBuffer(CHUNK);
  while (true) {
    const pointer = text.reserve(CHUNK);
    if (cgi_list_read(handle, pointer, text.free, scratch + 4) != 0) break;
    const read = load<i32>(scratch, 4);
    if (read <= 0) break;
    text.commit(min(read, text.free));
  }
  cgi_close(handle);
  const rows = parse(decode(text.view())).value;
  for (let i = 0; i < rows.length; i++) {
    const row = rows.at(i);
    found.push(
      new CgiExtension(row.getString("alias"), row.getString("description"), row.getString("fileName"), row.getString("md5"))
    );
  }
  return found;
}

/** Runs an extension with one framed request and waits for its answer. Never aborts. */
export function run(alias: string, request: string): CgiResult {
  return new CgiCommand(alias).run(request);
}

/** An extension with arguments or variables; nothing is started before `.run(request)`. */
export function command(alias: string): CgiCommand {
  return new CgiCommand(alias);
}
