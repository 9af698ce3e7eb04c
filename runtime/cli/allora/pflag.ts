import { parseFirstRecord } from './csv.ts';

/** A flag as the Go library pflag declares them, which the Go nodes read their command line with. */
export interface Flag {
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  readonly kind: 'string' | 'strings' | 'uint' | 'int' | 'float' | 'bool';
  /** What `--help` says of it. */
  readonly text: string;
  /** Shown as the default; `undefined` where that is empty, 0 or false. */
  readonly fallback?: string;
  /** Accepted and not shown. */
  readonly hidden?: boolean;
}

export type FlagValue = string | number | boolean | readonly string[];

export interface ParsedFlags {
  /** Flags that were given, by name. */
  readonly values: ReadonlyMap<string, FlagValue>;
  /** Arguments that are no flags: the Go nodes pass over them. */
  readonly others: number;
  /** `--help` or `-h` was among them; nothing after it was read. */
  readonly help: boolean;
}

/** What pflag says of a command line that does not fit; its text holds no value of a flag that takes text. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

/**
 * Reads a command line as pflag v1.0.5 does: `--flag=value`, `--flag value`, `--switch`, `-f value`, `-fvalue`,
 * `-f=value`, switches run together; flags and other arguments in any order up to `--`; the last of several counts, but
 * those of a list are appended, and each is a line of CSV.
 * @throws FlagError with pflag's own text
 */
export function parseFlags(flags: readonly Flag[], args: readonly string[]): ParsedFlags {
  const values = new Map<string, FlagValue>();
  const rest = [...args];
  let others = 0;
  const give = (flag: Flag, text: string): void => {
    try {
      const value = readValue(flag.kind, text);
      const earlier = values.get(flag.name);
      values.set(flag.name, Array.isArray(value) && Array.isArray(earlier) ? [...earlier, ...value] : value);
    } catch (error) {
      const shown = flag.short === undefined ? `--${flag.name}` : `-${flag.short}, --${flag.name}`;
      const why = error instanceof Error ? error.message : String(error);
      throw new FlagError(`invalid argument ${JSON.stringify(text)} for "${shown}" flag: ${why}`);
    }
  };

  /** @returns whether it asks for help */
  const readLong = (text: string): boolean => {
    const body = text.slice(2);
    if (/^[-=]/.test(body)) throw new FlagError(`bad flag syntax: ${text}`);
    const equals = body.indexOf('=');
    const name = equals < 0 ? body : body.slice(0, equals);
    const flag = flags.find((candidate) => candidate.name === name);
    if (flag === undefined) {
      if (name === 'help') return true;
      throw new FlagError(`unknown flag: --${name}`);
    }
    if (equals >= 0) give(flag, body.slice(equals + 1));
    else if (flag.kind === 'bool') give(flag, 'true');
    else give(flag, rest.shift() ?? needsArgument(text));
    return false;
  };

  /** @returns whether it asks for help */
  const readShort = (text: string): boolean => {
    for (let at = 1; at < text.length; at++) {
      const letter = text.charAt(at);
      const flag = flags.find((candidate) => candidate.short === letter);
      if (flag === undefined) {
        if (letter === 'h') return true;
        throw new FlagError(`unknown shorthand flag: '${letter}' in -${text.slice(at)}`);
      }
      const after = text.slice(at + 1);
      if (after.length > 1 && after.startsWith('=')) {
        give(flag, after.slice(1));
        return false;
      }
      if (flag.kind === 'bool') {
        give(flag, 'true');
        continue;
      }
      give(flag, after === '' ? (rest.shift() ?? needsArgument(`'${letter}' in -${text.slice(at)}`)) : after);
      return false;
    }
    return false;
  };

  for (let text = rest.shift(); text !== undefined; text = rest.shift()) {
    if (text === '--') {
      others += rest.length;
      break;
    }
    if (!text.startsWith('-') || text === '-') others++;
    else if (text.startsWith('--') ? readLong(text) : readShort(text)) return { values, others, help: true };
  }
  return { values, others, help: false };
}

function needsArgument(what: string): never {
  throw new FlagError(`flag needs an argument: ${what}`);
}

const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False'];
/** Go's integer literals: base by prefix, underscores between digits where there is one. */
const INTEGER = /^(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO]?(?:_?[0-7])+|0|[1-9](?:_?\d)*)$/;
const DIGITS = '\\d(?:_?\\d)*';
const FLOAT = new RegExp(
  `^[+-]?(?:(?:${DIGITS}\\.?(?:${DIGITS})?|\\.${DIGITS})(?:e[+-]?${DIGITS})?|inf(?:inity)?|nan)$`,
  'i',
);

function readValue(kind: Flag['kind'], text: string): FlagValue {
  switch (kind) {
    case 'string':
      return text;
    case 'strings':
      return parseFirstRecord(text);
    case 'bool':
      if (TRUE.includes(text)) return true;
      if (FALSE.includes(text)) return false;
      throw syntax('ParseBool', text);
    case 'float':
      return readFloat(text);
    case 'uint':
      return readInteger('ParseUint', text, text, 0n, 2n ** 64n - 1n);
    case 'int':
      return readInteger('ParseInt', text, text.replace(/^[+-]/, ''), -(2n ** 63n), 2n ** 63n - 1n);
  }
}

function readFloat(text: string): number {
  if (!FLOAT.test(text)) throw syntax('ParseFloat', text);
  if (/inf/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isFinite(value) && !/nan/i.test(text)) throw range('ParseFloat', text);
  return value;
}

function readInteger(parser: string, text: string, digits: string, least: bigint, most: bigint): number {
  if (!INTEGER.test(digits)) throw syntax(parser, text);
  const plain = digits.replaceAll('_', '').replace(/^0(?=[0-7])/, '0o');
  const value = text.startsWith('-') ? -BigInt(plain) : BigInt(plain);
  if (value < least || value > most) throw range(parser, text);
  return Number(value);
}

function range(parser: string, text: string): Error {
  return new Error(`strconv.${parser}: parsing ${JSON.stringify(text)}: value out of range`);
}

function syntax(parser: string, text: string): Error {
  return new Error(`strconv.${parser}: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** The table of flags in pflag's layout, under `Usage of NAME:`. */
export function usage(program: string, flags: readonly Flag[]): string {
  const rows = flags
    .filter(({ hidden }) => hidden !== true)
    .map(({ name, short, kind, text, fallback }) => {
      const left = `  ${short === undefined ? '    ' : `-${short}, `}--${name}${kind === 'bool' ? '' : ` ${kind}`}`;
      const quoted = kind === 'string' ? JSON.stringify(fallback) : fallback;
      return { left, right: fallback === undefined ? text : `${text} (default ${quoted})` };
    });
  const width = Math.max(...rows.map(({ left }) => left.length)) + 3;
  return `Usage of ${program}:\n${rows.map(({ left, right }) => `${left.padEnd(width)}${right}\n`).join('')}`;
}
