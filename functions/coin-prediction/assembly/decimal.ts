const MINUS: i32 = 0x2d;
const POINT: i32 = 0x2e;

/** Whether a text is a plain decimal: digits, one point between digits at most, a minus before, no exponent. */
export function isDecimal(text: string): bool {
  let digits = 0;
  let points = 0;
  for (let i = text.length > 0 && text.charCodeAt(0) == MINUS ? 1 : 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x30 && unit <= 0x39) digits++;
    else if (unit == POINT && digits > 0 && points == 0 && i + 1 < text.length) points++;
    else return false;
  }
  return digits > 0;
}
