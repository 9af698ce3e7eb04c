/**
 * The one error class and its closed table of codes. An error is about something that kept a function from running;
 * what a guest does once it runs is an outcome (see `execution.ts`), never an error.
 */
export const ERROR_CODES = {
  ERR_INVALID_REQUEST: { status: 400, owner: 'caller' },
  ERR_INVALID_SETTING: { status: 400, owner: 'operator' },
  ERR_INVALID_CID: { status: 400, owner: 'caller' },
  ERR_PERMISSION_DENIED: { status: 403, owner: 'caller' },
  ERR_FUNCTION_NOT_FOUND: { status: 404, owner: 'caller' },
  ERR_NOT_ENOUGH_NODES: { status: 408, owner: 'caller' },
  ERR_FUNCTION_TOO_LARGE: { status: 413, owner: 'caller' },
  ERR_INVALID_MANIFEST: { status: 422, owner: 'caller' },
  ERR_INVALID_ARCHIVE: { status: 422, owner: 'caller' },
  ERR_INVALID_MODULE: { status: 422, owner: 'caller' },
  ERR_CANCELLED: { status: 499, owner: 'caller' },
  ERR_NO_CONSENSUS: { status: 500, owner: 'caller' },
  ERR_INTERNAL: { status: 500, owner: 'system' },
  ERR_INTEGRITY: { status: 502, owner: 'system' },
  ERR_SOURCE_UNAVAILABLE: { status: 502, owner: 'system' },
  ERR_BUSY: { status: 503, owner: 'system' },
  ERR_QUARANTINED: { status: 503, owner: 'caller' },
  ERR_CLOSED: { status: 503, owner: 'system' },
  ERR_STORE_UNAVAILABLE: { status: 503, owner: 'operator' },
} as const satisfies Record<string, { status: number; owner: 'caller' | 'operator' | 'system' }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An error as plain data: what crosses a thread, since a class instance would arrive as a bare `Error`. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: readonly string[];
}

export class InferbaseError extends Error {
  readonly code: ErrorCode;
  /** Further lines worth showing, such as one per source that was asked. */
  readonly details: readonly string[];

  /**
   * @param code one of `ERROR_CODES`
   * @param message one sentence naming the offending value and the remedy
   */
  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: readonly string[] } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'InferbaseError';
    this.code = code;
    this.details = options.details ?? [];
  }

  /** The HTTP-like status of this error's code. */
  get status(): number {
    return ERROR_CODES[this.code].status;
  }
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Turns anything thrown into plain data; unexpected errors become `ERR_INTERNAL` with their own text. */
export function toErrorData(error: unknown): ErrorData {
  if (error instanceof InferbaseError) {
    return error.details.length > 0
      ? { code: error.code, message: error.message, details: error.details }
      : { code: error.code, message: error.message };
  }
  return { code: 'ERR_INTERNAL', message: messageOf(error) };
}

/** Rebuilds an error on the receiving side of a thread boundary. */
export function fromErrorData(data: ErrorData): InferbaseError {
  return new InferbaseError(data.code, data.message, data.details === undefined ? {} : { details: data.details });
}
