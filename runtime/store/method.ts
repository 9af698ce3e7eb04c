import { InferbaseError } from '../core/errors.ts';
import { quoteName } from '../wasm/invalid-module.ts';

/** What is known of a function that is more than one file. */
export interface Choices {
  /** File names that a method can name. */
  readonly names: readonly string[];
  readonly entryModule: string | null;
}

/**
 * What the requests of the Allora guides say as method, whatever function they name: a function that is one module
 * answers to it, so that those requests work with nothing but their CID changed.
 */
const GUIDE_METHOD = 'allora-inference-function.wasm';

/**
 * Picks the file that a method names: exactly, by file name, inside the package. It is never joined to a path.
 * @param method empty for the manifest's entry module, else the only .wasm; so is `GUIDE_METHOD` for the only .wasm
 * @throws InferbaseError `ERR_FUNCTION_NOT_FOUND` listing the names there are
 */
export function chooseFile(choices: Choices, method: string): string {
  const { names, entryModule } = choices;
  if (method !== '') {
    if (/[/\\\0]|\.\./.test(method)) throw notFound(`Method ${quoteName(method)} is a path; give a file name`, names);
    if (names.includes(method)) return method;
    const [only, ...others] = names.filter((name) => name.endsWith('.wasm'));
    if (method === GUIDE_METHOD && only !== undefined && others.length === 0) return only;
    throw notFound(`Method ${quoteName(method)} is not in the function`, names);
  }
  const entry = entryModule?.replace(/^.*\//s, '');
  if (entry !== undefined && names.includes(entry)) return entry;
  const modules = names.filter((name) => name.endsWith('.wasm'));
  const [only] = modules;
  if (only === undefined) throw notFound('The function has no .wasm file', names);
  if (modules.length > 1) throw notFound('The function has several .wasm files; name one as method', modules);
  return only;
}

function notFound(problem: string, names: readonly string[]): InferbaseError {
  const list = names.slice(0, 20).map(quoteName).join(', ');
  const more = names.length > 20 ? ` and ${names.length - 20} more` : '';
  return new InferbaseError(
    'ERR_FUNCTION_NOT_FOUND',
    `${problem}; there ${names.length === 1 ? 'is' : 'are'} ${list || 'no files'}${more}.`,
  );
}
