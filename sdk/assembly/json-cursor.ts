import { JSONError } from "./json-result";

// @ts-ignore: decorator
@inline export const END: i32 = -1;

/** A place in a text that is being parsed, and what was found wrong there. */
@final
export class Cursor {
  at: i32 = 0;
  problem: string | null = null;

  constructor(readonly text: string) {}

  /** Skips white space and returns the unit after it, which stays unread. */
  skipSpace(): i32 {
    let unit = this.peek();
    while (unit == 0x20 || unit == 0x0a || unit == 0x0d || unit == 0x09) {
      this.at++;
      unit = this.peek();
    }
    return unit;
  }

  /** Skips a word if it stands here. */
  word(word: string): bool {
    for (let i = 0; i < word.length; i++) {
      if (this.text.charCodeAt(this.at + i) != word.charCodeAt(i)) return false;
    }
    this.at += word.length;
    return true;
  }

  /** The unit here, or `END`. */
  peek(): i32 {
    return this.at < this.text.length ? this.text.charCodeAt(this.at) : END;
  }

  /** Skips one or more digits; none is a problem. */
  digits(): bool {
    const start = this.at;
    while (isDigit(this.peek())) this.at++;
    if (this.at > start) return true;
    this.unexpected("a digit");
    return false;
  }

  /** Records that something else stands here than what was wanted. */
  unexpected(wanted: string): void {
    const unit = this.peek();
    let found = "the end of the text";
    if (unit >= 0x21 && unit <= 0x7e) found = "'" + String.fromCharCode(unit) + "'";
    else if (unit != END) found = "character " + unit.toString();
    this.problem = "expected " + wanted + " but found " + found;
  }

  /** The problem with its line and column. */
  locate(): JSONError {
    const problem = this.problem;
    let line = 1;
    let start = 0;
    for (let i = 0; i < this.at && i < this.text.length; i++) {
      if (this.text.charCodeAt(i) != 0x0a) continue;
      line++;
      start = i + 1;
    }
    const column = this.at - start + 1;
    const message = (problem === null ? "not JSON" : problem) + " at line " + line.toString() + ", column " + column.toString();
    return new JSONError(message, this.at, line, column);
  }
}

export function isDigit(unit: i32): bool {
  return unit >= 0x30 && unit <= 0x39;
}
