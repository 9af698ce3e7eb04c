// Below zero: the SDK's own.
export const OUTPUT_TOO_LARGE: i32 = -1;

/** Why an extension gave no answer, or not all of it. */
@final
export class CgiError {
  constructor(
    /** Errno of blockless_cgi; below zero the SDK's own. */
    readonly code: i32,
    readonly name: string,
    /** One sentence: the extension, what happened, what to do. */
    readonly message: string
  ) {}
}

/** Describes an errno of an extension. */
export function cgiError(code: i32, alias: string): CgiError {
  const name = nameOf(code);
  return new CgiError(code, name, "extension " + alias + ": " + name + " (" + code.toString() + "), " + remedyOf(code));
}

function nameOf(code: i32): string {
  switch (code) {
    case 1: return "invalid_handle";
    case 2: return "runtime_error";
    case 3: return "invalid_parameter";
    case 4: return "invalid_extension";
    case OUTPUT_TOO_LARGE: return "output_too_large";
  }
  return "unknown";
}

function remedyOf(code: i32): string {
  switch (code) {
    case 2: return "the node could not start it or too many run: see the node's log";
    case 3: return "the node could not read the command: check its arguments for NUL characters and their number";
    case 4: return "the node has no extension of this alias: check extensions in its settings";
    case OUTPUT_TOO_LARGE: return "it printed more than maxBytes: raise it";
  }
  return "the host gave no reason";
}
