/** A finite number as plain decimal text that reads back the same, never with an exponent. */
export function decimal(value: f64): string {
  const text = value.toString();
  const mark = text.indexOf("e");
  if (mark < 0) return text.endsWith(".0") ? text.substring(0, text.length - 2) : text;

  const sign = text.startsWith("-") ? "-" : "";
  const mantissa = text.substring(sign.length, mark);
  const point = mantissa.indexOf(".");
  const whole = point < 0 ? mantissa : mantissa.substring(0, point);
  const digits = point < 0 ? mantissa : whole + mantissa.substring(point + 1);
  // Where the point stands once the exponent is worked in, counted from the first digit.
  const place = whole.length + I32.parseInt(text.substring(mark + 1));
  if (place <= 0) return `${sign}0.${"0".repeat(-place)}${digits}`;
  if (place >= digits.length) return `${sign}${digits}${"0".repeat(place - digits.length)}`;
  return `${sign}${digits.substring(0, place)}.${digits.substring(place)}`;
}
