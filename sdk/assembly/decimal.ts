// Enough digits to tell any decimal from the midpoint of two neighbouring floats (767 at most); further ones only count as
// "and a little more".
// @ts-ignore: decorator
@inline const MAX_DIGITS: i32 = 800;
// Nine times 2^59 and a carry stay below 2^64.
// @ts-ignore: decorator
@inline const MAX_SHIFT: i32 = 59;

/** A number 0.d1d2d3… × 10^point, doubled and halved digit by digit: slow and exact. */
@final
class Decimal {
  point: i32 = 0;
  private count: i32 = 0;
  private more: bool = false;
  private digits: StaticArray<u8> = new StaticArray<u8>(MAX_DIGITS + 20);

  /** Adds a digit at the end; leading zeros only move the point. */
  add(digit: u8, pointed: bool): void {
    if (digit == 0 && this.count == 0) {
      if (pointed) this.point--;
      return;
    }
    if (!pointed) this.point++;
    if (this.count < MAX_DIGITS) this.digits[this.count++] = digit;
    else if (digit != 0) this.more = true;
  }

  get isZero(): bool {
    return this.count == 0;
  }

  get belowHalf(): bool {
    return this.point < 0 || (this.point == 0 && this.digits[0] < 5);
  }

  /** Multiplies by 2^shift; a negative shift divides. */
  scale(shift: i32): void {
    while (shift > 0) {
      const step = min(shift, MAX_SHIFT);
      this.multiply(step);
      shift -= step;
    }
    while (shift < 0) {
      const step = min(-shift, MAX_SHIFT);
      this.divide(step);
      shift += step;
    }
  }

  private multiply(shift: i32): void {
    // 2^59 has 18 digits: that many places in front take every carry.
    const room = 18;
    const digits = this.digits;
    let carry: u64 = 0;
    for (let at = this.count - 1; at >= 0; at--) {
      carry += <u64>digits[at] << shift;
      digits[at + room] = <u8>(carry % 10);
      carry /= 10;
    }
    for (let at = room - 1; at >= 0; at--) {
      digits[at] = <u8>(carry % 10);
      carry /= 10;
    }
    const total = this.count + room;
    let zeros = 0;
    while (zeros < total && digits[zeros] == 0) zeros++;
    memory.copy(changetype<usize>(digits), changetype<usize>(digits) + zeros, total - zeros);
    this.count = total - zeros;
    this.point += room - zeros;
    this.trim();
  }

  private divide(shift: i32): void {
    const digits = this.digits;
    const mask: u64 = (<u64>1 << shift) - 1;
    let rest: u64 = 0;
    let read = 0;
    let write = 0;
    // The quotient's leading zeros.
    while (rest >> shift == 0) {
      rest = rest * 10 + (read < this.count ? <u64>digits[read] : 0);
      read++;
    }
    this.point -= read - 1;
    while (true) {
      const digit = <u8>(rest >> shift);
      rest &= mask;
      if (write < MAX_DIGITS) digits[write++] = digit;
      else if (digit != 0) this.more = true;
      if (read >= this.count && rest == 0) break;
      rest = rest * 10 + (read < this.count ? <u64>digits[read] : 0);
      read++;
    }
    this.count = write;
    this.trim();
  }

  private trim(): void {
    while (this.count > MAX_DIGITS) {
      if (this.digits[--this.count] != 0) this.more = true;
    }
    while (this.count > 0 && this.digits[this.count - 1] == 0) this.count--;
    if (this.count == 0) this.point = 0;
  }

  /** The nearest whole number, ties to even. The value must be below 2^54. */
  round(): u64 {
    let whole: u64 = 0;
    let at = 0;
    for (; at < this.point && at < this.count; at++) whole = whole * 10 + this.digits[at];
    for (; at < this.point; at++) whole *= 10;
    return this.roundsUp() ? whole + 1 : whole;
  }

  private roundsUp(): bool {
    const at = this.point;
    if (at < 0 || at >= this.count) return false;
    if (this.digits[at] != 5 || at + 1 < this.count || this.more) return this.digits[at] >= 5;
    return at > 0 && (this.digits[at - 1] & 1) == 1;
  }
}

/**
 * The 64-bit float nearest to an unsigned decimal number, ties to even; infinite when out of range.
 * @param text holds a JSON number without sign from `start` to before `end`
 */
export function decimalToFloat(text: string, start: i32, end: i32): f64 {
  const decimal = new Decimal();
  let pointed = false;
  let at = start;
  for (; at < end; at++) {
    const unit = text.charCodeAt(at);
    if ((unit | 0x20) == 0x65) break;
    if (unit == 0x2e) pointed = true;
    else decimal.add(<u8>(unit - 0x30), pointed);
  }
  if (decimal.isZero) return 0;
  decimal.point += readExponent(text, at + 1, end);
  if (decimal.point > 310) return Infinity;
  if (decimal.point < -330) return 0;

  // Bring it to [0.5, 1), counting the powers of two.
  let exponent = 0;
  while (decimal.point > 0) {
    const shift = decimal.point >= 19 ? 59 : max(decimal.point * 3, 1);
    decimal.scale(-shift);
    exponent += shift;
  }
  while (decimal.belowHalf) {
    const shift = decimal.point <= -18 ? 59 : max(-decimal.point * 3, 1);
    decimal.scale(shift);
    exponent -= shift;
  }
  // As 1.f × 2^exponent; below 2^-1022 floats have fewer bits.
  exponent--;
  if (exponent < -1022) {
    decimal.scale(exponent + 1022);
    exponent = -1022;
  }
  decimal.scale(53);
  let mantissa = decimal.round();
  if (mantissa == 1 << 53) {
    mantissa >>= 1;
    exponent++;
  }
  if (exponent > 1023) return Infinity;
  const biased: u64 = mantissa >> 52 == 0 ? 0 : <u64>(exponent + 1023);
  return reinterpret<f64>((biased << 52) | (mantissa & ((<u64>1 << 52) - 1)));
}

/** The number after `e`, held to ±100 000 000; 0 where there is none. */
export function readExponent(text: string, start: i32, end: i32): i32 {
  if (start >= end) return 0;
  let at = start;
  const sign = text.charCodeAt(at);
  if (sign == 0x2b || sign == 0x2d) at++;
  let exponent = 0;
  for (; at < end; at++) exponent = min(exponent * 10 + (text.charCodeAt(at) - 0x30), 100000000);
  return sign == 0x2d ? -exponent : exponent;
}
