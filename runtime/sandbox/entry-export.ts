import { InferbaseError } from '../core/errors.ts';
import type { ModuleFacts } from '../core/module-facts.ts';
import type { FunctionEntry } from '../core/sandbox-messages.ts';
import { entryCall } from './entry-call.ts';

/** What is called where nothing else is named. */
const USUAL = ['', '_start', 'handle'];

/**
 * The export to call: the one asked for, the manifest's, `_start`, `handle`; else the start section is all there is.
 * @param asked empty for none
 * @param manifest what the manifest names; empty for none
 * @throws InferbaseError ERR_INVALID_MODULE when there is nothing to call, or nothing that can be called
 */
export function entryExport(
  { exports, hasStart }: Pick<ModuleFacts, 'exports' | 'hasStart'>,
  asked = '',
  manifest = '',
): Pick<FunctionEntry['facts'], 'entry' | 'call'> {
  const functions = new Map(exports.filter(({ kind }) => kind === 'function').map((found) => [found.name, found]));
  const named = asked || manifest;
  const listed = [...functions.keys()].slice(0, 20).join(', ') || 'no function';
  if (named !== '' && !functions.has(named)) {
    const whose = asked !== '' ? 'the export asked for' : "the manifest's entry";
    throw new InferbaseError(
      'ERR_INVALID_MODULE',
      `${whose} is ${JSON.stringify(named.slice(0, 80))}, which the module does not export as a function; it exports: ${listed}`,
    );
  }
  const found = functions.get(named || (USUAL.find((name) => functions.has(name)) ?? ''));
  if (found === undefined && !hasStart) {
    throw new InferbaseError(
      'ERR_INVALID_MODULE',
      `the module exports no _start, no handle, and has no start section, so there is nothing to run; it exports: ${listed}`,
    );
  }
  if (found === undefined) return { entry: null };
  const call = entryCall(found, exports);
  return call === null ? { entry: found.name } : { entry: found.name, call };
}
