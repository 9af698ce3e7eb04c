import { hash } from 'node:crypto';
import type { BlocklessRequest } from '../core/blockless-request.ts';
import { InferbaseError } from '../core/errors.ts';
import { encodeRequest } from './blockless-request.ts';
import { REQUEST_TYPES } from './execute-request.ts';
import { bindJson, encodeString, type GoType, list, map, parseJson, STRING, struct, TIME, UINT } from './go-json.ts';
import {
  everyInteger,
  everySorted,
  everyText,
  type Field,
  nested,
  nullableList,
  nullableSorted,
  object,
  text,
  time,
  type Write,
} from './go-writer.ts';
import { JsonProblem } from './json-scan.ts';
import { CARRIER, type Envelope, type TraceField } from './messages/envelope.ts';
import { signatureFlaw } from './signature.ts';

/**
 * What the replicas of a PBFT cluster say to each other on `/b7s/consensus/pbft/1.0.0/cluster/REQUEST_ID`
 * (b7s consensus/pbft/message.go, serialization.go): `{"type":N,"data":{…}}`, also where one is part of another.
 */
export type PbftMessage =
  | { readonly type: 1; readonly data: PbftRequest }
  | { readonly type: 2; readonly data: PrePrepare }
  | { readonly type: 3 | 4; readonly data: Vote }
  | { readonly type: 5; readonly data: ViewChange }
  | { readonly type: 6; readonly data: NewView };

export interface PbftRequest extends Carried {
  readonly id?: string;
  readonly timestamp?: string;
  /** base58 peer id of the head */
  readonly origin?: string;
  readonly execute?: BlocklessRequest;
}

interface Carried extends Pick<Envelope, 'carrier'> {
  /** hex */
  readonly signature?: string;
}

/** Prepare and commit. */
export interface Vote extends Carried {
  readonly view?: number;
  readonly sequence_number?: number;
  /** SHA-256 of the request, hex. */
  readonly digest?: string;
}

export interface PrePrepare extends Vote {
  readonly request?: Part<PbftRequest>;
}

export interface ViewChange extends Carried {
  readonly view?: number;
  readonly prepares?: readonly Prepared[];
}

export interface Prepared extends Omit<Vote, 'signature' | 'carrier'> {
  readonly preprepare?: Part<PrePrepare>;
  /** By base58 peer id. */
  readonly prepares?: Readonly<Record<string, Part<Vote>>>;
}

export interface NewView extends Carried {
  readonly view?: number;
  readonly messages?: Readonly<Record<string, Part<ViewChange>>>;
  readonly preprepares?: readonly Part<PrePrepare>[];
}

/** A message inside another; the type is known by its place. */
interface Part<D> {
  readonly data?: D;
}

const CARRIED = { carrier: map(STRING), signature: STRING };
const VOTED = { view: UINT, sequence_number: UINT, digest: STRING };
const part = <D>(data: GoType<D>) => struct('pbft.messageEnvelope', { type: UINT, data });

const REQUEST = struct('pbft.Request', {
  ...CARRIED,
  id: STRING,
  timestamp: TIME,
  origin: STRING,
  execute: struct('execute.Request', REQUEST_TYPES),
});
const VOTE = struct('pbft.Vote', { ...CARRIED, ...VOTED });
const PRE_PREPARE = struct('pbft.PrePrepare', { ...CARRIED, ...VOTED, request: part(REQUEST) });
const PREPARED = struct('pbft.PrepareInfo', { ...VOTED, preprepare: part(PRE_PREPARE), prepares: map(part(VOTE)) });
const VIEW_CHANGE = struct('pbft.ViewChange', { ...CARRIED, view: UINT, prepares: list(PREPARED) });
const NEW_VIEW = struct('pbft.NewView', {
  ...CARRIED,
  view: UINT,
  messages: map(part(VIEW_CHANGE)),
  preprepares: list(part(PRE_PREPARE)),
});

const TYPES: ReadonlyMap<number, GoType<object>> = new Map<number, GoType<object>>([
  [1, part(REQUEST)],
  [2, part(PRE_PREPARE)],
  [3, part(VOTE)],
  [4, part(VOTE)],
  [5, part(VIEW_CHANGE)],
  [6, part(NEW_VIEW)],
]);

const SIGNATURE: Field<Carried> = text('signature');
const VOTE_FIELDS = [everyInteger('view'), everyInteger('sequence_number'), everyText('digest')] as const;
const writeSpelt = nullableSorted('Carrier', encodeString);
const SPELT_CARRIER: Field<Carried> = ({ carrier }) => writeSpelt({ Carrier: carrier });

function wrap<D extends object>(type: number, write: Write<D>): Write<Part<D>> {
  return ({ data }) => `{"type":${type},"data":${write(data ?? ({} as D))}}`;
}

/** @param trace every message and request has it but a new-view, whose encoding is its own */
function createWrite(trace: Field<Carried>): Write<PbftMessage> {
  const writeRequest = wrap(
    1,
    object<PbftRequest>(
      ...[trace, everyText('id'), time('timestamp'), everyText('origin'), nested('execute', encodeRequest)],
    ),
  );
  const writePrePrepare = wrap(
    2,
    object<PrePrepare>(trace, ...VOTE_FIELDS, nested('request', writeRequest), SIGNATURE),
  );
  const writeVote = object<Vote>(trace, ...VOTE_FIELDS, SIGNATURE);
  const writePrepare = wrap(3, writeVote);
  const writeCommit = wrap(4, writeVote);
  const writePrepared = object<Prepared>(
    ...[...VOTE_FIELDS, nested('preprepare', writePrePrepare), everySorted('prepares', writePrepare)],
  );
  const writeViewChange = wrap(
    5,
    object<ViewChange>(trace, everyInteger('view'), nullableList('prepares', writePrepared), SIGNATURE),
  );
  const writeNewView = wrap(
    6,
    object<NewView>(
      ...[everyInteger('view'), everySorted('messages', writeViewChange), nullableList('preprepares', writePrePrepare)],
      everyText('signature'),
    ),
  );
  return (message) => {
    switch (message.type) {
      case 1:
        return writeRequest(message);
      case 2:
        return writePrePrepare(message);
      case 3:
        return writePrepare(message);
      case 4:
        return writeCommit(message);
      case 5:
        return writeViewChange(message);
      case 6:
        return writeNewView(message);
    }
  };
}

const WRITE: Readonly<Record<TraceField, Write<PbftMessage>>> = {
  carrier: createWrite(CARRIER),
  Carrier: createWrite(SPELT_CARRIER),
};

/**
 * @param bytes from a stranger; how many is bounded by who received them
 * @throws InferbaseError `ERR_INVALID_REQUEST` that says what is wrong
 */
export function decodePbft(bytes: Uint8Array): PbftMessage {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const parsed = parseJson(body);
    const { type = 0 } = bindJson(parsed, struct('pbft.messageEnvelope', { type: UINT }), body);
    const table = TYPES.get(type);
    if (table === undefined) throw new JsonProblem(`its type ${type} is unknown`, '');
    const message = bindJson(parsed, table, body) as Part<object>;
    return { type, data: message.data ?? {} } as PbftMessage;
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    throw new InferbaseError('ERR_INVALID_REQUEST', `A PBFT message cannot be read: ${error.message}`);
  }
}

/** JSON of a message, as Go writes it in a cluster with that field. */
export function encodePbft(message: PbftMessage, traceField: TraceField = 'carrier'): string {
  return WRITE[traceField](message);
}

/** SHA-256 of a message as it is, hex: of a request, what the votes name it by. */
export function pbftDigest(message: PbftMessage, traceField?: TraceField): string {
  return hash('sha256', encodePbft(message, traceField));
}

/** What a replica signs: the hex digits of the digest of the message without signature and its own trace context. */
export function pbftSignedText(message: PbftMessage, traceField?: TraceField): string {
  const { signature: _signature, carrier: _carrier, ...data } = message.data;
  return pbftDigest({ ...message, data } as PbftMessage, traceField);
}

/**
 * What is wrong with the signature of a message; `null`: nothing. Requests have none.
 * @param peerId base58 peer id of the replica
 */
export function pbftSignatureFlaw(message: PbftMessage, peerId: string, traceField?: TraceField): string | null {
  return signatureFlaw(peerId, pbftSignedText(message, traceField), message.data.signature ?? '');
}
