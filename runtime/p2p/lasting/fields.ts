import { InferbaseError } from '../../core/errors.ts';
import { hasMoreValuesThan } from '../../core/json-size.ts';

/** The elements of a header one after the other, each checked: they are another node's. */
export class Fields {
  readonly #values: readonly unknown[];
  #at = 0;

  /** @throws InferbaseError `ERR_INTEGRITY` for anything but a JSON array */
  constructor(header: Buffer) {
    if (hasMoreValuesThan(MAX_VALUES, header)) throw wrong(`has more than ${MAX_VALUES} values`);
    const values = parse(header);
    if (!Array.isArray(values)) throw wrong('is no JSON array');
    this.#values = values;
  }

  next(): unknown {
    return this.#values[this.#at++];
  }

  #wrong(expected: string): InferbaseError {
    return wrong(`has no ${expected} at ${this.#at - 1}`);
  }

  /** A whole number from 0 to 2^32 − 1. */
  id(): number {
    const value = this.next();
    if (typeof value === 'number' && value >>> 0 === value) return value;
    throw this.#wrong('number');
  }

  text(maxLength: number): string {
    const value = this.next();
    if (typeof value === 'string' && value.length <= maxLength) return value;
    throw this.#wrong(`text of up to ${maxLength} characters`);
  }

  /** A finite number, 0 and up. */
  amount(): number {
    const value = this.next();
    if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return value;
    throw this.#wrong('amount');
  }

  amountOrNull(): number | null {
    if (this.#values[this.#at] !== null) return this.amount();
    this.#at++;
    return null;
  }

  oneOf<T extends string | number>(known: readonly T[]): T {
    const value = this.next() as T;
    if (known.includes(value)) return value;
    throw this.#wrong(`one of ${known.join(', ')}`);
  }

  integer(): number {
    const value = this.next();
    if (Number.isSafeInteger(value)) return value as number;
    throw this.#wrong('whole number');
  }

  /** Whether there are further ones. */
  get more(): boolean {
    return this.#at < this.#values.length;
  }

  textsOrNull(maxCount: number, maxLength: number): readonly string[] | null {
    if (this.#values[this.#at] !== null) return this.texts(maxCount, maxLength);
    this.#at++;
    return null;
  }

  texts(maxCount: number, maxLength: number): readonly string[] {
    const values = this.next();
    if (Array.isArray(values) && values.length <= maxCount) {
      if (values.every((value) => typeof value === 'string' && value.length <= maxLength)) return values;
    }
    throw this.#wrong('list of texts');
  }
}

/** Values of one header, nested ones included. */
const MAX_VALUES = 20_000;

function parse(header: Buffer): unknown {
  try {
    return JSON.parse(header.toString());
  } catch {
    return undefined;
  }
}

/** The error of a message that breaks the protocol. */
export function wrong(what: string): InferbaseError {
  return new InferbaseError('ERR_INTEGRITY', `a message ${what}`);
}
