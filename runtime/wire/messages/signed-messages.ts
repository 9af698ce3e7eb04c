import type { BlocklessRequest } from '../../core/blockless-request.ts';
import { encodeUnsignedRequest } from '../blockless-request.ts';
import { signatureFlaw } from '../signature.ts';
import type { Dialect } from './envelope.ts';
import { encodeNodeResult, type NodeResult } from './node-result.ts';
import { EXECUTE_RESPONSE, EXECUTE_RESPONSE_TO_PRIMARY, type ExecuteResponseMessage } from './work-answer.ts';

/**
 * Signatures of b7s, which nodes make in PBFT only: Ed25519 by the peer key over the JSON of a struct without its
 * signature, as hex. A signature that is there has to be right; none is as good as in the dialect.
 */

/**
 * What is wrong with the signature of an execute request; `null`: nothing, or there is none.
 * @param head base58 peer id of the head that sent it
 */
export function requestSignatureFlaw(request: BlocklessRequest, head: string): string | null {
  return flaw(head, request.signature, () => encodeUnsignedRequest(request));
}

/** The same request with the signature of this head, and no other. @param sign text → Ed25519 by the peer key, hex */
export function signRequest(request: BlocklessRequest, sign: (text: string) => string): BlocklessRequest {
  return { ...request, signature: sign(encodeUnsignedRequest(request)) };
}

/**
 * What is wrong with the signature of one node's result in `c` (b7s models/execute/result.go).
 * @param peerId base58 peer id of the node
 */
export function resultSignatureFlaw(result: NodeResult, peerId: string): string | null {
  return flaw(peerId, result.signature, () => resultText(result));
}

/** The same result with the signature of this node. @param sign text → Ed25519 by the peer key, hex */
export function signResult(result: NodeResult, sign: (text: string) => string): NodeResult {
  return { ...result, signature: sign(resultText(result)) };
}

function resultText(result: NodeResult): string {
  return encodeNodeResult({ ...result, signature: '' });
}

/**
 * The same of a whole answer in `a` and `b` (b7s models/response/execute.go): without `from` in `a`, with the type last in
 * `b`.
 */
export function responseSignatureFlaw(
  message: ExecuteResponseMessage,
  peerId: string,
  dialect: Exclude<Dialect, 'c'>,
): string | null {
  return flaw(peerId, message.signature, () => responseText(message, dialect));
}

/** The same answer with the signature of this node. @param sign text → Ed25519 by the peer key, hex */
export function signResponse(
  message: ExecuteResponseMessage,
  dialect: Exclude<Dialect, 'c'>,
  sign: (text: string) => string,
): ExecuteResponseMessage {
  return { ...message, signature: sign(responseText(message, dialect)) };
}

function responseText(message: ExecuteResponseMessage, dialect: Exclude<Dialect, 'c'>): string {
  const { signature: _signature, from: _from, inferbase: _ours, ...signed } = message;
  const codec = message.type === 'MsgExecuteResponse' ? EXECUTE_RESPONSE : EXECUTE_RESPONSE_TO_PRIMARY;
  return codec.write[dialect](signed);
}

function flaw(peerId: string, signature: string | undefined, signed: () => string): string | null {
  if (signature === undefined || signature === '') return null;
  const text = signed();
  let found: string | null = null;
  for (const spelling of spellings(text)) {
    found = signatureFlaw(peerId, spelling, signature);
    if (found === null) return null;
  }
  return found;
}

const OLDER_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\b', '\\u0008'],
  ['\\f', '\\u000c'],
]);

/**
 * The ways in which Go may have written the same JSON: before 1.22 it had no short escapes of backspace and form feed, and a
 * byte that was not UTF-8 when it was signed is a U+FFFD by now.
 */
function spellings(text: string): readonly string[] {
  const found = [text];
  const older = text.replace(/\\./g, (pair) => OLDER_ESCAPES.get(pair) ?? pair);
  if (older !== text) found.push(older);
  for (const spelling of [...found]) {
    if (spelling.includes('\ufffd')) found.push(spelling.replaceAll('\ufffd', '\\ufffd'));
  }
  return found;
}
