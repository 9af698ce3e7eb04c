import { InferbaseError } from '../core/errors.ts';

const SHOWN_NAME_LENGTH = 80;
const SHOWN_TEXT_LENGTH = 300;

/** The error for a module that cannot run here. @param message one sentence: what is wrong, where, and the remedy */
export function invalidModule(message: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_MODULE', message);
}

/** A name that a module's author chose, safe to print: quoted, control characters escaped, cut when long. */
export function quoteName(name: string): string {
  const cut = name.length > SHOWN_NAME_LENGTH ? `${name.slice(0, SHOWN_NAME_LENGTH)}…` : name;
  // JSON leaves DEL and the control characters after it as they are.
  return JSON.stringify(cut).replace(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A text of V8's, in which names of the module occur, safe to print: control characters blanked, cut when long. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ');
  return line.length > SHOWN_TEXT_LENGTH ? `${line.slice(0, SHOWN_TEXT_LENGTH)}…` : line;
}
