/** Why a request got no answer, or an answer no end. */
export type OutboundFailure =
  | 'invalid-url'
  | 'invalid-method'
  | 'headers'
  | 'denied'
  | 'transport'
  | 'timeout'
  | 'redirects'
  | 'too-large'
  | 'cancelled';

/** A failed outbound request. Its text is for the operator's log; a guest sees an errno made from `kind`. */
export class OutboundError extends Error {
  readonly kind: OutboundFailure;
  /** For `denied`: the permission line that would allow it. */
  readonly hint: string | undefined;
  /** The operator has been told of it, with the remedy. */
  told = false;

  /** @param message one sentence naming what was asked for and the remedy, without secrets such as a query */
  constructor(kind: OutboundFailure, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'OutboundError';
    this.kind = kind;
    this.hint = options.hint;
  }
}

/** A URL as it may be logged: without query, user name and password. */
export function printableUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}
