/**
 * What a parameter or result of an exported function is, in AssemblyScript's words. `any`: an i32 of which nothing more
 * was recorded.
 */
export type CallType = 'string' | 'any' | 'bool' | 'i32' | 'u32' | 'i64' | 'u64' | 'f32' | 'f64';

/** How an exported function is called that takes or returns something, by the conventions of `@assemblyscript/loader`. */
export interface EntryCall {
  readonly params: readonly CallType[];
  /** `null` where it returns nothing. */
  readonly result: CallType | null;
  /** A type of it that cannot be handed over. */
  readonly unsupported?: string;
}

/** A module file and the export of it to call, as `FILE.wasm#EXPORT` has them; either may be empty. */
export interface MethodName {
  readonly file: string;
  readonly export: string;
}

/** Takes `FILE.wasm#EXPORT` apart at its last `#`; no file of a package has one in its name. */
export function splitMethod(method: string): MethodName {
  const at = method.lastIndexOf('#');
  return at < 0 ? { file: method, export: '' } : { file: method.slice(0, at), export: method.slice(at + 1) };
}
