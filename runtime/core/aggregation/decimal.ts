/** A decimal number without rounding: coefficient × 10^−scale. */
export interface Decimal {
  readonly coefficient: bigint;
  /** 0 and up. */
  readonly scale: number;
}

const NUMBER = /^([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;

/** Longest number that is read, in characters. */
const MAX_TEXT = 100;
/** Largest exponent either way: what a double can hold. */
const MAX_EXPONENT = 308;
/** Significant digits of a quotient that has no end, as in IEEE 754 decimal128. */
const QUOTIENT_DIGITS = 34;

/**
 * Reads a number in decimal notation, with or without an exponent.
 * @param text with white space around it or not
 * @returns `null` for anything else, such as `NaN` or `0x10`, for more than 100 characters and for exponents past ±308
 */
export function parseDecimal(text: string): Decimal | null {
  const trimmed = text.trim();
  if (trimmed.length > MAX_TEXT) return null;
  const match = NUMBER.exec(trimmed);
  if (match === null) return null;
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
  const power = Number(exponent);
  if (Math.abs(power) > MAX_EXPONENT) return null;
  const digits = BigInt(whole + fraction);
  const coefficient = sign === '-' ? -digits : digits;
  const scale = fraction.length - power;
  return scale < 0 ? { coefficient: coefficient * 10n ** BigInt(-scale), scale: 0 } : { coefficient, scale };
}

/** A number in plain notation, without an exponent and without zeros at the end of its fraction. */
export function formatDecimal({ coefficient, scale }: Decimal): string {
  const sign = coefficient < 0n ? '-' : '';
  const digits = magnitude(coefficient)
    .toString()
    .padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** The exact sum. */
export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale);
  return { coefficient: atScale(a, scale) + atScale(b, scale), scale };
}

/** The exact product. */
export function multiplyDecimals(a: Decimal, b: Decimal): Decimal {
  return { coefficient: a.coefficient * b.coefficient, scale: a.scale + b.scale };
}

/** Below 0 where `a` is the smaller one, above where it is the larger one. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const scale = Math.max(a.scale, b.scale);
  const difference = atScale(a, scale) - atScale(b, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/**
 * Divides; exact where the quotient ends within 34 significant digits, or within as many as the dividend has, else
 * rounded to that many, halves to even.
 * @param divisor not zero
 */
export function divideDecimals(dividend: Decimal, divisor: Decimal): Decimal {
  const numerator = magnitude(dividend.coefficient);
  const denominator = magnitude(divisor.coefficient);
  const [have, by] = [numerator.toString().length, denominator.toString().length];
  // So many digits more that the quotient has one or two beyond those that are kept.
  const added = Math.max(0, Math.max(QUOTIENT_DIGITS, have) + 1 - (have - by));
  const scaled = numerator * 10n ** BigInt(added);
  const quotient = scaled / denominator;
  const negative = dividend.coefficient < 0n !== divisor.coefficient < 0n;
  const rounded = roundTo({
    digits: quotient,
    isExact: quotient * denominator === scaled,
    kept: Math.max(QUOTIENT_DIGITS, have),
    scale: dividend.scale - divisor.scale + added,
  });
  const coefficient = negative ? -rounded.coefficient : rounded.coefficient;
  if (rounded.scale >= 0) return { coefficient, scale: rounded.scale };
  return { coefficient: coefficient * 10n ** BigInt(-rounded.scale), scale: 0 };
}

interface Rounding {
  readonly digits: bigint;
  /** Nothing was cut off below `digits`. */
  readonly isExact: boolean;
  readonly kept: number;
  readonly scale: number;
}

function roundTo({ digits, isExact, kept, scale }: Rounding): { coefficient: bigint; scale: number } {
  const surplus = digits.toString().length - kept;
  if (surplus <= 0) return { coefficient: digits, scale };
  const unit = 10n ** BigInt(surplus);
  const [whole, rest] = [digits / unit, digits % unit];
  const twice = rest * 2n;
  const up = twice > unit || (twice === unit && (!isExact || whole % 2n === 1n));
  return { coefficient: up ? whole + 1n : whole, scale: scale - surplus };
}

function atScale({ coefficient, scale }: Decimal, wanted: number): bigint {
  return coefficient * 10n ** BigInt(wanted - scale);
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
