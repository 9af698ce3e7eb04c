/** `(module (func (export "u") unreachable))` */
const UNREACHABLE_MODULE = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x04, 0x01, 0x60, 0x00, 0x00],
  ...[0x03, 0x02, 0x01, 0x00],
  ...[0x07, 0x05, 0x01, 0x01, 0x75, 0x00, 0x00],
  ...[0x0a, 0x05, 0x01, 0x03, 0x00, 0x00, 0x0b],
);

function genuineTrap(): unknown {
  const { u } = new WebAssembly.Instance(new WebAssembly.Module(UNREACHABLE_MODULE)).exports;
  try {
    (u as () => void)();
  } catch (trap) {
    return trap;
  }
  throw new Error('unreachable did not trap');
}

/**
 * The one thing that crosses into a guest to end it. A guest's `catch_all` swallows whatever JavaScript throws, but
 * not the RuntimeError that a real wasm `unreachable` produced; so every end rethrows exactly this object.
 */
export const TRAP: unknown = genuineTrap();
