import { resolvePath } from "./json-path";
import { stringify } from "./json-writer";

export const enum JSONKind {
  NULL,
  BOOL,
  /** A whole number that fits 64 bits, exact. */
  INT,
  FLOAT,
  STRING,
  ARRAY,
  OBJECT
}

// @ts-ignore: decorator
@inline const TWO_63: f64 = 9223372036854775808.0;

/** Any JSON value. Reading never aborts: what is not there is a NULL whose `exists` is false. */
@final
export class JSONValue {
  /** Bool, integer or the bits of a float. */
  private bits: i64 = 0;
  private characters: string = "";
  private items: JSONValue[] | null = null;
  private members: Map<string, JSONValue> | null = null;

  constructor(readonly kind: JSONKind, readonly exists: bool = true) {
    if (kind == JSONKind.ARRAY) this.items = [];
    if (kind == JSONKind.OBJECT) this.members = new Map<string, JSONValue>();
  }

  static object(): JSONValue {
    return new JSONValue(JSONKind.OBJECT);
  }

  static array(): JSONValue {
    return new JSONValue(JSONKind.ARRAY);
  }

  static ofNull(): JSONValue {
    return new JSONValue(JSONKind.NULL);
  }

  static ofBool(value: bool): JSONValue {
    const result = new JSONValue(JSONKind.BOOL);
    result.bits = value ? 1 : 0;
    return result;
  }

  static ofInt(value: i64): JSONValue {
    const result = new JSONValue(JSONKind.INT);
    result.bits = value;
    return result;
  }

  static ofFloat(value: f64): JSONValue {
    const result = new JSONValue(JSONKind.FLOAT);
    result.bits = reinterpret<i64>(value);
    return result;
  }

  static ofString(value: string): JSONValue {
    const result = new JSONValue(JSONKind.STRING);
    result.characters = value;
    return result;
  }

  /** A string, number, bool, JSONValue, an array of these, or a null reference. Any other type does not compile. */
  static from<T>(value: T): JSONValue {
    if (isReference<T>()) {
      if (changetype<usize>(value) == 0) return JSONValue.ofNull();
    }
    if (isString<T>()) return JSONValue.ofString(changetype<string>(value));
    if (isBoolean<T>()) return JSONValue.ofBool(<bool>value);
    if (isFloat<T>()) return JSONValue.ofFloat(<f64>value);
    if (isInteger<T>()) {
      // An unsigned number past the signed range is kept as near as a float can.
      if (!isSigned<T>() && sizeof<T>() == 8 && <u64>value > <u64>i64.MAX_VALUE) return JSONValue.ofFloat(<f64>value);
      return JSONValue.ofInt(<i64>value);
    }
    if (isArrayLike<T>()) {
      const result = JSONValue.array();
      for (let i = 0; i < value.length; i++) result.push(value[i]);
      return result;
    }
    if (idof<T>() == idof<JSONValue>()) return changetype<JSONValue>(value);
    ERROR("JSON values are made of strings, numbers, bools, JSONValue and arrays of these");
    return JSONValue.ofNull();
  }

  /** Sets a member and returns this object. Does nothing to a value that is not an object. */
  set<T>(key: string, value: T): JSONValue {
    const members = this.members;
    if (members !== null) members.set(key, JSONValue.from<T>(value));
    return this;
  }

  /** Adds an item at the end and returns this array. Does nothing to a value that is not an array. */
  push<T>(value: T): JSONValue {
    const items = this.items;
    if (items !== null) items.push(JSONValue.from<T>(value));
    return this;
  }

  get isNull(): bool { return this.kind == JSONKind.NULL; }
  get isBool(): bool { return this.kind == JSONKind.BOOL; }
  get isInt(): bool { return this.kind == JSONKind.INT; }
  get isFloat(): bool { return this.kind == JSONKind.FLOAT; }
  get isNumber(): bool { return this.kind == JSONKind.INT || this.kind == JSONKind.FLOAT; }
  get isString(): bool { return this.kind == JSONKind.STRING; }
  get isArray(): bool { return this.kind == JSONKind.ARRAY; }
  get isObject(): bool { return this.kind == JSONKind.OBJECT; }

  asString(fallback: string = ""): string {
    return this.kind == JSONKind.STRING ? this.characters : fallback;
  }

  asF64(fallback: f64 = 0): f64 {
    if (this.kind == JSONKind.FLOAT) return reinterpret<f64>(this.bits);
    return this.kind == JSONKind.INT ? <f64>this.bits : fallback;
  }

  /** An INT, or a FLOAT that is a whole number in range. */
  asI64(fallback: i64 = 0): i64 {
    if (this.kind == JSONKind.INT) return this.bits;
    if (this.kind != JSONKind.FLOAT) return fallback;
    const value = reinterpret<f64>(this.bits);
    return value >= -TWO_63 && value < TWO_63 && trunc(value) == value ? <i64>value : fallback;
  }

  asBool(fallback: bool = false): bool {
    return this.kind == JSONKind.BOOL ? this.bits != 0 : fallback;
  }

  /** Items or members; 0 for other kinds. */
  get length(): i32 {
    const items = this.items;
    if (items !== null) return items.length;
    const members = this.members;
    return members !== null ? members.size : 0;
  }

  /** Names of an object's members in the order they were first set; none for other kinds. */
  keys(): string[] {
    const members = this.members;
    return members !== null ? members.keys() : [];
  }

  has(key: string): bool {
    const members = this.members;
    return members !== null && members.has(key);
  }

  /** The member with exactly this name. */
  get(key: string): JSONValue {
    const members = this.members;
    if (members !== null && members.has(key)) return members.get(key);
    return new JSONValue(JSONKind.NULL, false);
  }

  /** The item at an index; a negative one counts from the end. */
  at(index: i32): JSONValue {
    const items = this.items;
    if (items !== null) {
      const place = index < 0 ? index + items.length : index;
      if (place >= 0 && place < items.length) return items[place];
    }
    return new JSONValue(JSONKind.NULL, false);
  }

  /** What a path such as `a.b[0]["c.d"]` leads to. */
  path(path: string): JSONValue {
    return resolvePath(this, path);
  }

  getString(path: string, fallback: string = ""): string {
    return this.path(path).asString(fallback);
  }

  getF64(path: string, fallback: f64 = 0): f64 {
    return this.path(path).asF64(fallback);
  }

  getI64(path: string, fallback: i64 = 0): i64 {
    return this.path(path).asI64(fallback);
  }

  getBool(path: string, fallback: bool = false): bool {
    return this.path(path).asBool(fallback);
  }

  /** Compact JSON. NaN and infinities become `null`, and so does what is nested deeper than 512. */
  stringify(): string {
    return stringify(this);
  }

  toString(): string {
    return stringify(this);
  }
}
