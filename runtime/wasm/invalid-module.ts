import { InferbaseError } from '../core/errors.ts';

const SHOWN_NAME_LENGTH = 80;
const SHOWN_TEXT_LENGTH = 300;

/** The error for a module that cannot run here. @param message one sentence: what is wrong, where, and the remedy */
export function invalidModule(message: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_MODULE', message);
}

/** A name that a module's author chose, safe to print: quoted, control characters escaped, cut when long. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length > SHOWN_NAME_LENGTH ? `${name.slice(0, SHOWN_NAME_LENGTH)}…` : name);
}

/** A text of V8's, in which names of the module occur, safe to print: control characters blanked, cut when long. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ');
  return line.length > SHOWN_TEXT_LENGTH ? `${line.slice(0, SHOWN_TEXT_LENGTH)}…` : line;
}
