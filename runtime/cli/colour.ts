import process from 'node:process';
import type { WriteStream } from 'node:tty';

/** Colours of one stream; on one that shows none, text stays as it is. */
export interface Colours {
  green(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
  dim(text: string): string;
}

type Output = Pick<WriteStream, 'isTTY'>;
type Environment = Readonly<Record<string, string | undefined>>;

/** Whether the stream is a terminal that understands escape sequences. */
export function canDraw(stream: Output, env: Environment = process.env): boolean {
  return stream.isTTY === true && env.TERM !== 'dumb';
}

/**
 * Colours for a stream: only on a terminal, and not with `NO_COLOR` (https://no-color.org: set and not empty).
 * @param stream `process.stdout` or `process.stderr`
 */
export function createColours(stream: Output, env: Environment = process.env): Colours {
  const shown = canDraw(stream, env) && (env.NO_COLOR ?? '') === '';
  const sgr =
    (on: number, off: number) =>
    (text: string): string =>
      shown && text !== '' ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return { green: sgr(32, 39), red: sgr(31, 39), yellow: sgr(33, 39), dim: sgr(2, 22) };
}
