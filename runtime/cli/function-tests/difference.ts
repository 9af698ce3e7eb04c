import type { TextExpectation } from './function-test.ts';

/** One thing that is not as it should be. */
export interface Difference {
  /** `stdout`, `exit code`, `upstream model` … */
  readonly about: string;
  /** Lines to show; a line that begins with `-` is what was expected, with `+` what came. */
  readonly lines: readonly string[];
}

/** Longest text that is compared line by line, in lines; longer ones are shown from where they part. */
const MAX_DIFF_LINES = 300;
const SHOWN_LINES = 40;
const SHOWN_CHARACTERS = 500;

/** How a text departs from what was expected of it; empty where it does not. */
export function compareText(about: string, expected: TextExpectation, actual: string): Difference[] {
  const { exact, contains = [], matches } = expected;
  const found: Difference[] = [];
  if (exact !== undefined && exact !== actual) found.push({ about, lines: diffLines(exact, actual) });
  for (const part of contains) {
    if (!actual.includes(part)) found.push({ about, lines: [`- contains ${quote(part)}`, `+ ${quote(actual)}`] });
  }
  if (matches !== undefined && !matches.test(actual)) {
    found.push({ about, lines: [`- matches ${matches.source}`, `+ ${quote(actual)}`] });
  }
  if ('json' in expected) found.push(...compareJsonText(about, expected.json, actual));
  return found;
}

function compareJsonText(about: string, expected: unknown, actual: string): Difference[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(actual);
  } catch (error) {
    const why = error instanceof Error ? error.message : '';
    return [
      {
        about,
        lines: [`- JSON with ${quote(JSON.stringify(expected))}`, `+ ${quote(actual)}`, `  it is not JSON: ${why}`],
      },
    ];
  }
  return differingJson(expected, parsed, '').map((line) => ({ about, lines: line }));
}

/**
 * Where JSON departs from what it must have in it: every key of an expected object, with a value that fits; lists of the
 * same length, item by item; anything else equal. `{"$near": 3.5, "within": 0.01}` stands for a number nearby (or text
 * that is one), `{"$matches": "…"}` for text that a regular expression fits.
 */
function differingJson(expected: unknown, actual: unknown, at: string): string[][] {
  const differ = (want: string): string[][] => [
    [
      `- ${at === '' ? '' : `${at}: `}${want}`,
      `+ ${at === '' ? '' : `${at}: `}${quote(JSON.stringify(actual) ?? 'nothing')}`,
    ],
  ];
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return differ(quote(JSON.stringify(expected)));
    if (actual.length !== expected.length)
      return differ(`a list of ${expected.length}, ${quote(JSON.stringify(expected))}`);
    return expected.flatMap((item, index) => differingJson(item, actual[index], `${at}[${index}]`));
  }
  if (typeof expected !== 'object' || expected === null) {
    return Object.is(expected, actual) || expected === actual ? [] : differ(quote(JSON.stringify(expected)));
  }
  const want = expected as Readonly<Record<string, unknown>>;
  if ('$near' in want) return isNear(want, actual) ? [] : differ(`${want.$near}, give or take ${want.within ?? NEAR}`);
  if ('$matches' in want) {
    const fits = typeof actual === 'string' && fitsPattern(String(want.$matches), actual);
    return fits ? [] : differ(`text that matches ${want.$matches}`);
  }
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual))
    return differ(quote(JSON.stringify(want)));
  const have = actual as Readonly<Record<string, unknown>>;
  return Object.entries(want).flatMap(([key, item]) =>
    differingJson(item, Object.hasOwn(have, key) ? have[key] : undefined, at === '' ? key : `${at}.${key}`),
  );
}

const NEAR = 1e-9;

function isNear(want: Readonly<Record<string, unknown>>, actual: unknown): boolean {
  if (typeof actual !== 'number' && (typeof actual !== 'string' || actual.trim() === '')) return false;
  return Math.abs(Number(actual) - Number(want.$near)) <= Number(want.within ?? NEAR);
}

function fitsPattern(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(text);
  } catch {
    return false;
  }
}

/** Two texts line by line: `- ` only expected, `+ ` only there, `  ` both. */
function diffLines(expected: string, actual: string): string[] {
  const [left, right] = [expected.split('\n'), actual.split('\n')];
  if (left.length === 1 && right.length === 1) return [`- ${clip(expected)}`, `+ ${clip(actual)}`];
  if (left.length > MAX_DIFF_LINES || right.length > MAX_DIFF_LINES) return partingLines(left, right);
  // How long a common run of lines from here on is, longest subsequence.
  const common = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  const at = (row: number, column: number): number => common[row]?.[column] ?? 0;
  for (let row = left.length - 1; row >= 0; row--) {
    for (let column = right.length - 1; column >= 0; column--) {
      const best =
        left[row] === right[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
      (common[row] as Uint16Array)[column] = best;
    }
  }
  const lines: string[] = [];
  for (let row = 0, column = 0; row < left.length || column < right.length; ) {
    if (row < left.length && column < right.length && left[row] === right[column]) {
      lines.push(`  ${clip(left[row++] ?? '')}`);
      column++;
    } else if (row < left.length && (column === right.length || at(row + 1, column) >= at(row, column + 1))) {
      lines.push(`- ${clip(left[row++] ?? '')}`);
    } else lines.push(`+ ${clip(right[column++] ?? '')}`);
  }
  return lines.length <= SHOWN_LINES
    ? lines
    : [...lines.slice(0, SHOWN_LINES), `  … ${lines.length - SHOWN_LINES} more lines`];
}

function partingLines(left: readonly string[], right: readonly string[]): string[] {
  let line = 0;
  while (line < left.length && left[line] === right[line]) line++;
  return [`  line ${line + 1}:`, `- ${clip(left[line] ?? 'no such line')}`, `+ ${clip(right[line] ?? 'no such line')}`];
}

function clip(text: string): string {
  // An escape sequence of a guest must not draw on the author's terminal.
  const plain = text.replace(/[^\P{Cc}\t\n]/gu, (unit) => `\\x${unit.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return plain.length > SHOWN_CHARACTERS ? `${plain.slice(0, SHOWN_CHARACTERS)}…` : plain;
}

/** Text as one line. */
export function quote(text: string): string {
  return clip(text.replaceAll('\n', '\\n'));
}
