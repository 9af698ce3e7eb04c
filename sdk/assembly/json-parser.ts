import { Cursor, END, isDigit } from "./json-cursor";
import { readNumber } from "./json-number";
import { JSONResult } from "./json-result";
import { readString } from "./json-string";
import { JSONValue } from "./json-value";

// @ts-ignore: decorator
@inline const MAX_DEPTH: i32 = 512;

/** Parses RFC 8259 JSON. Of a repeated name the last counts; a surrogate need not be paired, as in JavaScript. */
export function parse(text: string): JSONResult {
  const cursor = new Cursor(text);
  const value = new Parser(cursor).run();
  return value !== null ? new JSONResult(null, value) : new JSONResult(cursor.locate(), JSONValue.ofNull());
}

/** Works on a stack of its own, so that depth costs memory and not the guest's call stack. */
@final
class Parser {
  private root: JSONValue | null = null;
  private containers: JSONValue[] = [];
  /** One name for each container: where an object's next value goes. */
  private names: string[] = [];

  constructor(private readonly cursor: Cursor) {}

  /** The value the text holds; `null` when the cursor has a problem. */
  run(): JSONValue | null {
    while (this.cursor.problem === null) {
      const value = this.open();
      if (value !== null && this.attach(value)) return this.root;
    }
    return null;
  }

  /** Reads a scalar, or the start of a container. `null` means: read a value next, or stop if there is a problem. */
  private open(): JSONValue | null {
    const cursor = this.cursor;
    const unit = cursor.skipSpace();
    if (unit == 0x22) {
      const text = readString(cursor);
      return text === null ? null : JSONValue.ofString(text);
    }
    if (unit == 0x2d || isDigit(unit)) return readNumber(cursor);
    if (unit == 0x7b || unit == 0x5b) return this.openContainer(unit == 0x7b);
    if (cursor.word("true")) return JSONValue.ofBool(true);
    if (cursor.word("false")) return JSONValue.ofBool(false);
    if (cursor.word("null")) return JSONValue.ofNull();
    cursor.unexpected("a value");
    return null;
  }

  /** Reads `{` and its first name, or `[`; answers the container when it is empty and so ends at once. */
  private openContainer(isObject: bool): JSONValue | null {
    const cursor = this.cursor;
    if (this.containers.length >= MAX_DEPTH) {
      cursor.problem = "nested deeper than " + MAX_DEPTH.toString();
      return null;
    }
    cursor.at++;
    this.containers.push(isObject ? JSONValue.object() : JSONValue.array());
    this.names.push("");
    if (cursor.skipSpace() == (isObject ? 0x7d : 0x5d)) {
      cursor.at++;
      return this.close();
    }
    if (isObject) this.readName();
    return null;
  }

  /**
   * Puts a value into its container, and that one into its own if it ends there, and so on.
   * @returns whether the text is done; `root` is its value, or `null` when something follows
   */
  private attach(value: JSONValue): bool {
    const cursor = this.cursor;
    let whole = value;
    let depth = this.containers.length;
    while (depth > 0) {
      const parent = this.containers[depth - 1];
      if (parent.isArray) parent.push(whole);
      else parent.set(this.names[depth - 1], whole);
      const separator = cursor.skipSpace();
      if (separator == 0x2c) {
        cursor.at++;
        if (parent.isObject) this.readName();
        return false;
      }
      if (separator != (parent.isArray ? 0x5d : 0x7d)) {
        cursor.unexpected(parent.isArray ? "',' or ']'" : "',' or '}'");
        return false;
      }
      cursor.at++;
      whole = this.close();
      depth--;
    }
    if (cursor.skipSpace() == END) this.root = whole;
    else cursor.unexpected("the end of the text");
    return true;
  }

  private close(): JSONValue {
    this.names.pop();
    return this.containers.pop();
  }

  /** Reads `"name":` for the innermost object. */
  private readName(): void {
    const cursor = this.cursor;
    if (cursor.skipSpace() != 0x22) {
      cursor.unexpected("a name in double quotes");
      return;
    }
    const name = readString(cursor);
    if (name === null) return;
    if (cursor.skipSpace() != 0x3a) {
      cursor.unexpected("':'");
      return;
    }
    cursor.at++;
    this.names[this.names.length - 1] = name;
  }
}
