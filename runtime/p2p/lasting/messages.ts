import type { BlocklessRequest } from '../../core/blockless-request.ts';
import { InferbaseError, messageOf } from '../../core/errors.ts';
import { CAUSES, type Outcome } from '../../core/execution.ts';
import type { Attestation, RollCall, WorkAnswer, WorkOrder } from '../../core/work.ts';
import { ATTRIBUTES, EXECUTE_REQUEST } from '../../wire/execute-request.ts';
import { decodeJson } from '../../wire/go-json.ts';
import { Fields, wrong } from './fields.ts';
import { encodeFrame, type Frame } from './frames.ts';

/**
 * What is said on a kept stream. The head opens it, both begin with `hello` and the highest version of this protocol they
 * know, and speak the lower of the two. Numbers after the kind are the head's, and answers repeat them.
 */
export const VERSION = 1;

const KIND = { hello: 0, rollCall: 1, order: 2, cancel: 3, rollCallAnswer: 4, answer: 5 } as const;

/** What a head says. */
export type ToWorker =
  | { readonly kind: 'hello'; readonly version: number }
  | { readonly kind: 'rollCall'; readonly id: number; readonly call: RollCall }
  | { readonly kind: 'order'; readonly id: number; readonly order: WorkOrder }
  /** The head no longer waits for the answer to an order. */
  | { readonly kind: 'cancel'; readonly id: number };

/** A roll call or an order that is none: what a client wrote cannot be read, which is not the head's fault. */
export interface Unreadable {
  readonly kind: 'unreadable';
  readonly id: number;
  readonly isOrder: boolean;
  readonly why: string;
}

/** What a worker says. */
export type ToHead =
  | { readonly kind: 'hello'; readonly version: number }
  | { readonly kind: 'rollCallAnswer'; readonly id: number; readonly code: string; readonly load: number }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Omit<WorkAnswer, 'requestId'> };

const MAX_ID = 512;
const MAX_METHOD = 4_096;
const MAX_TOPIC = 1_024;
const MAX_PEERS = 16_384;
const MAX_CODE = 16;
const MAX_TEXT = 65_536;

/**
 * @throws InferbaseError `ERR_INVALID_REQUEST` for a request that is too large for a frame, or names that are too long for a
 *   worker to take: it would end the stream
 */
export function encodeToWorker(message: ToWorker): Buffer {
  switch (message.kind) {
    case 'hello':
      return encodeFrame(JSON.stringify([KIND.hello, message.version]));
    case 'cancel':
      return encodeFrame(JSON.stringify([KIND.cancel, message.id]));
    case 'rollCall': {
      const { requestId, functionId, method, topic, consensus, attributes } = message.call;
      checkLength('function_id', functionId, MAX_ID);
      checkLength('method', method, MAX_METHOD);
      checkLength('topic', topic, MAX_TOPIC);
      const fields = [KIND.rollCall, message.id, requestId, functionId, method, topic, consensus];
      return encodeFrame(JSON.stringify(fields), attributes === null ? [] : [Buffer.from(JSON.stringify(attributes))]);
    }
    case 'order': {
      const { requestId, topic, peers, timestamp, deadlineMs, request } = message.order;
      checkLength('topic', topic, MAX_TOPIC);
      const fields = [KIND.order, message.id, requestId, topic, peers, timestamp, deadlineMs];
      return encodeFrame(JSON.stringify(fields), [encodeRequest(request)]);
    }
  }
}

/** Requests that go to many workers, as bytes. */
const requests = new WeakMap<BlocklessRequest, Buffer>();

function encodeRequest(request: BlocklessRequest): Buffer {
  const bytes = requests.get(request) ?? Buffer.from(JSON.stringify(request));
  requests.set(request, bytes);
  return bytes;
}

function checkLength(name: string, text: string, most: number): void {
  if (text.length <= most) return;
  throw new InferbaseError(
    'ERR_INVALID_REQUEST',
    `${name} has ${text.length} characters and at most ${most} are taken`,
  );
}

/** @throws InferbaseError `ERR_INTEGRITY` for what no head of this protocol says */
export function decodeToWorker({ header, raw }: Frame): ToWorker | Unreadable {
  const fields = new Fields(header);
  const kind = fields.next();
  switch (kind) {
    case KIND.hello:
      return { kind: 'hello', version: fields.id() };
    case KIND.cancel:
      return { kind: 'cancel', id: fields.id() };
    case KIND.rollCall:
      return decodeRollCall(fields.id(), fields, raw);
    case KIND.order: {
      const id = fields.id();
      const requestId = fields.text(MAX_ID);
      const topic = fields.text(MAX_TOPIC);
      const peers = fields.texts(MAX_PEERS, MAX_ID);
      const timestamp = fields.text(MAX_ID);
      const deadlineMs = fields.amountOrNull();
      return readable({ id, isOrder: true }, () => {
        const request = decodeJson(raw, EXECUTE_REQUEST);
        return { kind: 'order', id, order: { requestId, topic, peers, timestamp, deadlineMs, request } };
      });
    }
    default:
      throw wrong(`of a head has the kind ${JSON.stringify(kind)?.slice(0, 20)}`);
  }
}

function decodeRollCall(id: number, fields: Fields, raw: Buffer): ToWorker | Unreadable {
  const requestId = fields.text(MAX_ID);
  const functionId = fields.text(MAX_ID);
  const method = fields.text(MAX_METHOD);
  const topic = fields.text(MAX_TOPIC);
  const consensus = fields.oneOf([0, 1, 2]);
  return readable({ id, isOrder: false }, () => {
    const attributes = raw.length === 0 ? null : decodeJson(raw, ATTRIBUTES);
    return { kind: 'rollCall', id, call: { requestId, functionId, method, topic, consensus, attributes } };
  });
}

function readable(
  asked: { readonly id: number; readonly isOrder: boolean },
  read: () => ToWorker,
): ToWorker | Unreadable {
  try {
    return read();
  } catch (error) {
    return { kind: 'unreadable', ...asked, why: messageOf(error) };
  }
}

/** @throws InferbaseError `ERR_INVALID_REQUEST` for an answer that is too large for a frame */
export function encodeToHead(message: ToHead): Buffer {
  switch (message.kind) {
    case 'hello':
      return encodeFrame(JSON.stringify([KIND.hello, message.version]));
    case 'rollCallAnswer':
      return encodeFrame(JSON.stringify([KIND.rollCallAnswer, message.id, message.code, message.load]));
    case 'answer': {
      const { code, message: text, attestation, outcome } = message.answer;
      const signed = attestation === null ? null : ATTESTATION.map((name) => attestation[name]);
      const fields = [KIND.answer, message.id, code, text.slice(0, MAX_TEXT), signed];
      if (outcome === null) return encodeFrame(JSON.stringify(fields));
      const truncated = (outcome.stdoutTruncated ? 1 : 0) | (outcome.stderrTruncated ? 2 : 0);
      const { cause, exitCode, message: end, stdout, stderr, usage } = outcome;
      const ran = [
        cause,
        exitCode,
        end.slice(0, MAX_TEXT),
        truncated,
        stdout.length,
        ...USAGE.map((name) => usage[name]),
      ];
      return encodeFrame(JSON.stringify([...fields, ...ran]), [stdout, stderr]);
    }
  }
}

const ATTESTATION = ['peerId', 'functionId', 'requestHash', 'outcomeHash', 'time', 'signature'] as const;
const USAGE = ['wallMs', 'cpuMs', 'fuel', 'peakMemoryBytes', 'hostCalls', 'bytesIn', 'bytesOut'] as const;

/** @throws InferbaseError `ERR_INTEGRITY` for what no worker of this protocol says */
export function decodeToHead({ header, raw }: Frame): ToHead {
  const fields = new Fields(header);
  const kind = fields.next();
  switch (kind) {
    case KIND.hello:
      return { kind: 'hello', version: fields.id() };
    case KIND.rollCallAnswer:
      return { kind: 'rollCallAnswer', id: fields.id(), code: fields.text(MAX_CODE), load: fields.amount() };
    case KIND.answer: {
      const id = fields.id();
      const code = fields.text(MAX_CODE);
      const message = fields.text(MAX_TEXT);
      const attestation = decodeAttestation(fields);
      const outcome = fields.more ? decodeOutcome(fields, raw) : null;
      return { kind: 'answer', id, answer: { code, message, attestation, outcome } };
    }
    default:
      throw wrong(`of a worker has the kind ${JSON.stringify(kind)?.slice(0, 20)}`);
  }
}

function decodeAttestation(fields: Fields): Attestation | null {
  const values = fields.textsOrNull(ATTESTATION.length, MAX_ID);
  if (values === null) return null;
  const [peerId, functionId, requestHash, outcomeHash, time, signature] = values;
  if (peerId === undefined || functionId === undefined || requestHash === undefined) throw wrong('is half signed');
  if (outcomeHash === undefined || time === undefined || signature === undefined) throw wrong('is half signed');
  return { peerId, functionId, requestHash, outcomeHash, time, signature };
}

function decodeOutcome(fields: Fields, raw: Buffer): Outcome {
  const cause = fields.oneOf(CAUSES);
  const exitCode = fields.integer();
  const message = fields.text(MAX_TEXT);
  const truncated = fields.id();
  const split = fields.id();
  if (split > raw.length) throw wrong(`has a stdout of ${split} bytes and carries ${raw.length}`);
  const usage = {
    wallMs: fields.amount(),
    cpuMs: fields.amount(),
    fuel: fields.amount(),
    peakMemoryBytes: fields.amount(),
    hostCalls: fields.amount(),
    bytesIn: fields.amount(),
    bytesOut: fields.amount(),
  };
  const [stdout, stderr] = [raw.subarray(0, split), raw.subarray(split)];
  const [stdoutTruncated, stderrTruncated] = [(truncated & 1) !== 0, (truncated & 2) !== 0];
  return { cause, exitCode, message, stdout, stderr, stdoutTruncated, stderrTruncated, usage };
}
