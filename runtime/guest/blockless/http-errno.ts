import type { OutboundFailure } from '../outbound/errors.ts';

/** Errnos of `blockless_http`, as bls-runtime's `blockless_http.witx` numbers them. */
export const BLOCKLESS_HTTP_ERRNO = {
  success: 0,
  invalidHandle: 1,
  memoryAccess: 2,
  bufferTooSmall: 3,
  headerNotFound: 4,
  utf8: 5,
  destinationNotAllowed: 6,
  invalidMethod: 7,
  invalidEncoding: 8,
  invalidUrl: 9,
  requestError: 10,
  runtimeError: 11,
  tooManySessions: 12,
  invalidDriver: 13,
  permissionDeny: 14,
  headersValidation: 15,
} as const;

/** The errno a guest sees for a failed request. */
export const FAILURE_ERRNO: Readonly<Record<OutboundFailure, number>> = {
  'invalid-url': BLOCKLESS_HTTP_ERRNO.invalidUrl,
  'invalid-method': BLOCKLESS_HTTP_ERRNO.invalidMethod,
  headers: BLOCKLESS_HTTP_ERRNO.headersValidation,
  denied: BLOCKLESS_HTTP_ERRNO.permissionDeny,
  transport: BLOCKLESS_HTTP_ERRNO.runtimeError,
  timeout: BLOCKLESS_HTTP_ERRNO.runtimeError,
  redirects: BLOCKLESS_HTTP_ERRNO.runtimeError,
  'too-large': BLOCKLESS_HTTP_ERRNO.runtimeError,
  cancelled: BLOCKLESS_HTTP_ERRNO.runtimeError,
};
