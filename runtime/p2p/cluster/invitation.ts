import { InferbaseError } from '../../core/errors.ts';
import { isPeerId } from '../../core/multiaddr.ts';
import type { FormClusterMessage } from '../../wire/messages/cluster.ts';
import type { Dialect, TraceField } from '../../wire/messages/envelope.ts';
import { dialectOf } from '../../wire/messages/message.ts';
import { requestIdOf } from '../../wire/messages/required.ts';

/** What a head asks its workers to be. */
export interface Invitation {
  /** UUID of the execute request. */
  readonly requestId: string;
  /** base58 peer ids, this node among them; the first is the primary of view 0. */
  readonly members: readonly string[];
  /** As the wire numbers them: 1 Raft, 2 PBFT. */
  readonly consensus: number;
  /** base58 peer id */
  readonly head: string;
  /** Of the message; `b` and `c` look alike unless it says where the members are. */
  readonly dialect: Dialect;
  /** The members sign it in what they say to each other. */
  readonly traceField: TraceField;
  /** Where the head says that the members are: base58 peer id → multiaddrs. */
  readonly told: ReadonlyMap<string, readonly string[]>;
}

/** As many as a head of ours asks; every member sends every other one some messages. Go's nodes take any number. */
const MAX_MEMBERS = 100;
const MAX_ADDRESSES = 16;
/** It becomes part of the name of a protocol, and comes from a stranger. Go's are UUIDs. */
const REQUEST_ID = /^[0-9A-Za-z][0-9A-Za-z._-]{0,127}$/;

/**
 * Reads what a head asks for.
 * @param self base58 peer id of this node
 * @throws InferbaseError `ERR_INVALID_REQUEST` that says what is wrong
 */
export function readInvitation(message: FormClusterMessage, head: string, self: string): Invitation {
  const requestId = requestIdOf(message);
  const { peers: members = [], consensus = 0, connection_info = [], traceField = 'carrier' } = message;
  if (!REQUEST_ID.test(requestId)) throw invalid('its request id is no name of a request, such as a UUID');
  if (members.length > MAX_MEMBERS) throw invalid(`it has ${members.length} members; at most ${MAX_MEMBERS} are taken`);
  if (!members.every(isPeerId)) throw invalid('one of its members is no peer id');
  if (new Set(members).size < members.length) throw invalid('one of its members is there twice');
  if (!members.includes(self)) throw invalid('this node is not among its members');
  const told = new Map<string, readonly string[]>();
  for (const { id = '', addrs = [] } of connection_info) {
    if (members.includes(id)) told.set(id, addrs.slice(0, MAX_ADDRESSES));
  }
  const dialect = connection_info.length > 0 ? 'c' : dialectOf(message);
  return { requestId, members, consensus, head, dialect, traceField, told };
}

function invalid(why: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_REQUEST', `A cluster cannot be formed: ${why}`);
}
