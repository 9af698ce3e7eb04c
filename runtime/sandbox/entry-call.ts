import type { CallType, EntryCall } from '../core/entry-call.ts';
import { InferbaseError } from '../core/errors.ts';
import type { ModuleExport } from '../core/module-facts.ts';

/** Type of an export that is called like a program: it takes and returns nothing. */
const PLAIN = '() -> ()';
const TYPE = /^\(([^()]*)\) -> \(([^()]*)\)$/;

/** Where no types were recorded: an i32 may be a string, the others are what they are. */
const GUESSED: ReadonlyMap<string, CallType> = new Map([
  ['i32', 'any'],
  ['i64', 'i64'],
  ['f32', 'f32'],
  ['f64', 'f64'],
]);

/**
 * How an exported function is to be called; `null` like a program.
 * @param exported the function
 * @param exports of its module
 * @throws InferbaseError ERR_INVALID_MODULE when it takes or returns what cannot be handed over
 */
export function entryCall(exported: ModuleExport, exports: readonly ModuleExport[]): EntryCall | null {
  if (exported.type === PLAIN) return null;
  const call = exported.call ?? guess(exported);
  if (call.unsupported !== undefined)
    throw refuse(exported, `takes or returns ${call.unsupported}; use strings and numbers`);
  const takesText = call.params.some((type) => type === 'string' || type === 'any');
  const allocates = exports.some(({ name, kind }) => name === '__new' && kind === 'function');
  if (takesText && !allocates) {
    throw refuse(
      exported,
      'takes a string, and the module exports no __new to make one with; build it with --exportRuntime',
    );
  }
  return call;
}

function guess(exported: ModuleExport): EntryCall {
  const [, params, results] = TYPE.exec(exported.type) ?? [];
  if (params === undefined || results === undefined)
    throw refuse(exported, `has a type that is too long: ${exported.type}`);
  const types = (text: string): CallType[] =>
    (text === '' ? [] : text.split(', ')).map((name) => {
      const type = GUESSED.get(name);
      if (type === undefined) throw refuse(exported, `takes or returns ${name}; use strings and numbers`);
      return type;
    });
  const returned = types(results);
  if (returned.length > 1)
    throw refuse(exported, `returns ${returned.length} values; return one, such as JSON in a string`);
  return { params: types(params), result: returned[0] ?? null };
}

function refuse({ name }: ModuleExport, problem: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_MODULE', `the export ${JSON.stringify(name.slice(0, 80))} ${problem}`);
}
