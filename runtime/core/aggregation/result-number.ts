import type { Outcome } from '../execution.ts';
import { type Decimal, parseDecimal } from './decimal.ts';

/** Longest output that is looked at for a number, in bytes. */
const MAX_BYTES = 65_536;
/** Where Allora's functions put theirs: inference, then the sample of the extension. */
const USUAL_FIELDS = ['infererValue', 'value'];

/** A number of a JSON document as it is written there: a double would round it. */
class WrittenNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * The number that a function printed: its whole standard output, or a field of the JSON object it printed, as a number
 * or as text.
 * @param field name of that field; `null`: the first of `infererValue` and `value` that is there
 * @returns the number, or in a few words why there is none
 */
export function resultNumber(outcome: Outcome, field: string | null): Decimal | string {
  if (outcome.cause !== 'exited') return `the function ended with cause ${outcome.cause}`;
  if (outcome.exitCode !== 0) return `the function ended with exit code ${outcome.exitCode}`;
  if (outcome.stdout.length > MAX_BYTES) return `stdout is longer than ${MAX_BYTES} bytes`;
  const text = new TextDecoder().decode(outcome.stdout).trim();
  if (text === '') return 'stdout is empty';
  const plain = parseDecimal(text);
  if (plain !== null) return plain;
  const document = parseWritten(text);
  if (document === undefined) return 'stdout is neither a decimal number nor JSON';
  const found = typeof document === 'string' ? { name: 'stdout', value: document } : fieldOf(document, field);
  if (found === null) return `stdout has no field ${field ?? USUAL_FIELDS.join(' or ')}`;
  return toDecimal(found.value) ?? `${found.name} is not a decimal number of at most 100 characters`;
}

function parseWritten(text: string): unknown {
  const keepWritten = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' ? new WrittenNumber(context?.source ?? String(value)) : value;
  try {
    // Nesting deep enough for the stack is caught like any other text that is no JSON.
    return JSON.parse(text, keepWritten);
  } catch {
    return undefined;
  }
}

function fieldOf(document: unknown, field: string | null): { name: string; value: unknown } | null {
  if (typeof document !== 'object' || document === null) return null;
  const name = (field === null ? USUAL_FIELDS : [field]).find((one) => Object.hasOwn(document, one));
  return name === undefined ? null : { name, value: (document as Record<string, unknown>)[name] };
}

function toDecimal(value: unknown): Decimal | null {
  if (value instanceof WrittenNumber) return parseDecimal(value.text);
  return typeof value === 'string' ? parseDecimal(value) : null;
}
