export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

type Fields = Readonly<Record<string, unknown>>;

/** A line, with fields before it if there are any: pino's signature, so that either can stand for the other. */
export interface LogLine {
  (fields: Fields, line: string): void;
  (line: string): void;
}

/** Writes what an operator should know. Method names and JSON lines are pino's, which Fastify expects as well. */
export interface Log {
  readonly level: string;
  readonly fatal: LogLine;
  readonly error: LogLine;
  readonly warn: LogLine;
  readonly info: LogLine;
  readonly debug: LogLine;
  readonly trace: LogLine;
  readonly silent: LogLine;
  /** A log whose lines all carry these fields. */
  child(fields: Fields): Log;
}

export interface LogInit {
  readonly level: LogLevel;
  /** Short lines for a person at a terminal instead of JSON. */
  readonly pretty: boolean;
  /** Takes one line with its newline; stderr everywhere but in tests. */
  readonly write: (text: string) => void;
}

const SEVERITY = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: Number.POSITIVE_INFINITY };

const SECRET =
  /^(headers|authorization|proxy-authorization|cookie|set-cookie|x-api-key|api-?key|token|password|secret)$/i;

/** Creates a log. Fields whose names promise a secret are written as `[redacted]`, at any depth. */
export function createLog({ level, pretty, write }: LogInit, bound: Fields = {}): Log {
  const line = (name: keyof typeof SEVERITY): LogLine => {
    if (SEVERITY[name] < SEVERITY[level] || name === 'silent') return () => {};
    return (first: Fields | string, second?: string) => {
      const fields = typeof first === 'string' ? bound : { ...bound, ...first };
      const text = typeof first === 'string' ? first : (second ?? '');
      write(pretty ? prettyLine(name, text, fields) : jsonLine(SEVERITY[name], text, fields));
    };
  };
  return {
    level,
    fatal: line('fatal'),
    error: line('error'),
    warn: line('warn'),
    info: line('info'),
    debug: line('debug'),
    trace: line('trace'),
    silent: line('silent'),
    child: (fields) => createLog({ level, pretty, write }, { ...bound, ...fields }),
  };
}

function jsonLine(severity: number, msg: string, fields: Fields): string {
  return `${stringify({ level: severity, time: Date.now(), ...fields, msg })}\n`;
}

function prettyLine(name: string, text: string, fields: Fields): string {
  const extra = Object.entries(fields).map(([key, value]) => ` ${key}=${stringify({ [key]: value }, key)}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a guest's text must not steer the terminal
  return `${`${name} ${text}${extra.join('')}`.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ')}\n`;
}

/** JSON without secrets; never throws. With `only`, the text of that one field. */
function stringify(fields: Fields, only?: string): string {
  const replace = (key: string, value: unknown): unknown => {
    if (SECRET.test(key)) return '[redacted]';
    if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack };
    return typeof value === 'bigint' ? value.toString() : value;
  };
  try {
    const text = JSON.stringify(fields, replace);
    return only === undefined ? text : text.slice(JSON.stringify(only).length + 2, -1);
  } catch (error) {
    return JSON.stringify(`fields cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}
