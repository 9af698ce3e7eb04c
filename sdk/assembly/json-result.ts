import { JSONValue } from "./json-value";

/** Where and why a text is not JSON. */
@final
export class JSONError {
  constructor(
    /** One sentence that names line and column. */
    readonly message: string,
    /** 0-based, in UTF-16 units from the start of the text. */
    readonly position: i32,
    /** 1-based. */
    readonly line: i32,
    /** 1-based, in UTF-16 units from the start of the line. */
    readonly column: i32
  ) {}
}

/** What parsing led to: a value, or an error beside a `null` of JSON. */
@final
export class JSONResult {
  constructor(readonly error: JSONError | null, readonly value: JSONValue) {}

  get ok(): bool {
    return this.error === null;
  }
}
