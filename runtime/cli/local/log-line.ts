/** One line of a log file. */
export interface LogLineParts {
  /** ms since 1970, or `null` where the line does not say. */
  readonly time: number | null;
  readonly severity: 'plain' | 'warn' | 'error';
  /** For a person; whatever a guest put into it is still in it. */
  readonly text: string;
}

const NAMES: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};
const OWN = new Set(['level', 'time', 'msg']);

/** Reads a line that a node or a model server wrote: JSON lines of a log (pino's names), else text as it is. */
export function readLogLine(line: string): LogLineParts {
  const fields = line.startsWith('{"level":') ? parsed(line) : undefined;
  const { level, time, msg } = fields ?? {};
  if (typeof level !== 'number' || typeof msg !== 'string') return { time: null, severity: 'plain', text: line };
  const extra = Object.entries(fields ?? {}).filter(([key]) => !OWN.has(key));
  const text = [NAMES[level] ?? level, msg, ...extra.map(([key, value]) => `${key}=${JSON.stringify(value)}`)].join(
    ' ',
  );
  return {
    time: typeof time === 'number' ? time : null,
    severity: level >= 50 ? 'error' : level >= 40 ? 'warn' : 'plain',
    text,
  };
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
