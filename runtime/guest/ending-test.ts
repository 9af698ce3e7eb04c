/** `(type (func)) (type (func (result i32))) (import "h" "h" (func 0)) (func (export "f") (type 1) BODY)` */
function moduleOf(body: readonly number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...[0x01, 0x08, 0x02, 0x60, 0x00, 0x00, 0x60, 0x00, 0x01, 0x7f],
    ...[0x02, 0x07, 0x01, 0x01, 0x68, 0x01, 0x68, 0x00, 0x00],
    ...[0x03, 0x02, 0x01, 0x01],
    ...[0x07, 0x05, 0x01, 0x01, 0x66, 0x00, 0x01],
    ...[0x0a, body.length + 4, 0x01, body.length + 2, 0x00, ...body, 0x0b],
  );
}

/** How a module can catch, by the name of the encoding: each calls its import and returns 1 if it caught something. */
const CATCHING: readonly (readonly [encoding: string, module: Uint8Array<ArrayBuffer>])[] = [
  // (try (result i32) (do (call 0) (i32.const 0)) (catch_all (i32.const 1)))
  ['try', moduleOf([0x06, 0x7f, 0x10, 0x00, 0x41, 0x00, 0x19, 0x41, 0x01, 0x0b])],
  // (block (result exnref) (try_table (catch_all_ref 0) (call 0)) (return (i32.const 0))) (drop) (i32.const 1)
  [
    'try_table',
    moduleOf([
      ...[0x02, 0x69, 0x1f, 0x40, 0x01, 0x03, 0x00, 0x10, 0x00, 0x0b],
      ...[0x41, 0x00, 0x0f, 0x0b, 0x1a, 0x41, 0x01],
    ]),
  ],
];

/**
 * Tries whether guests can catch what ends them, thrown by a host call and as the rejection of one that was waited for.
 * It rests on V8 alone, so it is looked at once when a thread starts; takes a fraction of a millisecond.
 * @param trap what executions are to be ended with
 * @returns encodings of exceptions in which a guest goes on; empty where ending is final
 */
export async function findCatching(trap: unknown): Promise<readonly string[]> {
  const catching: string[] = [];
  for (const [encoding, bytes] of CATCHING) {
    // What this V8 does not even compile, no guest can use.
    if (!WebAssembly.validate(bytes)) continue;
    const module = new WebAssembly.Module(bytes);
    const final = endsWhenThrown(module, trap) && (await endsWhenRejected(module, trap));
    if (!final) catching.push(encoding);
  }
  return catching;
}

function link(module: WebAssembly.Module, call: CallableFunction | WebAssembly.Suspending): CallableFunction {
  const imports = { h: { h: call } } as unknown as WebAssembly.Imports;
  return new WebAssembly.Instance(module, imports).exports.f as CallableFunction;
}

function endsWhenThrown(module: WebAssembly.Module, trap: unknown): boolean {
  const guest = link(module, () => {
    throw trap;
  });
  try {
    guest();
    return false;
  } catch (error) {
    return error === trap;
  }
}

async function endsWhenRejected(module: WebAssembly.Module, trap: unknown): Promise<boolean> {
  const guest = link(module, new WebAssembly.Suspending(() => Promise.reject(trap)));
  try {
    await WebAssembly.promising(guest)();
    return false;
  } catch (error) {
    return error === trap;
  }
}
