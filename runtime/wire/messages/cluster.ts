import { encodeString, list, map, STRING, struct, UINT } from '../go-json.ts';
import { constant, everyList, everyText, integer, object, text, list as writeList } from '../go-writer.ts';
import { CARRIER, type Envelope, FROM, type MessageCodec, type TraceField } from './envelope.ts';

/** Consensus clusters: a head forms and disbands them. Read, so that a node can say that it takes no part. */
export interface FormClusterMessage extends Envelope {
  readonly type: 'MsgFormCluster';
  readonly request_id?: string;
  /** base58 peer ids; in PBFT their order tells the primary. */
  readonly peers?: readonly string[];
  /** 1 Raft, 2 PBFT */
  readonly consensus?: number;
  /** `c` */
  readonly connection_info?: readonly AddressInfo[];
  /** How the message has it, empty or not; written it is as in `c`. */
  readonly traceField?: TraceField;
}

export interface AddressInfo {
  readonly id?: string;
  /** multiaddrs */
  readonly addrs?: readonly string[];
}

export interface FormClusterResponseMessage extends Envelope {
  readonly type: 'MsgFormClusterResponse';
  readonly request_id?: string;
  readonly code?: string;
  readonly consensus?: number;
}

export interface DisbandClusterMessage extends Envelope {
  readonly type: 'MsgDisbandCluster';
  readonly request_id?: string;
}

const ENVELOPE = { type: STRING, from: STRING, carrier: map(STRING) };
const FORM_TYPE = constant('type', 'MsgFormCluster');
const FORM = [text('request_id'), writeList('peers', encodeString), integer('consensus')] as const;
const writeAddress = ({ id, addrs }: AddressInfo): string => writeSpelt({ ID: id, Addrs: addrs });
const writeSpelt = object<{ readonly ID?: string | undefined; readonly Addrs?: readonly string[] | undefined }>(
  everyText('ID'),
  everyList('Addrs', encodeString),
);

/** b7s models/request/form_cluster.go */
export const FORM_CLUSTER: MessageCodec<FormClusterMessage> = {
  type: struct('request.FormCluster', {
    ...ENVELOPE,
    request_id: STRING,
    peers: list(STRING),
    consensus: UINT,
    connection_info: list(struct('peer.AddrInfo', { id: STRING, addrs: list(STRING) })),
  }),
  write: {
    a: object<FormClusterMessage>(FORM_TYPE, FROM, ...FORM),
    b: object<FormClusterMessage>(...FORM, FORM_TYPE),
    c: object<FormClusterMessage>(CARRIER, ...FORM, writeList('connection_info', writeAddress), FORM_TYPE),
  },
};

const FORMED_TYPE = constant('type', 'MsgFormClusterResponse');
const FORMED = [text('code'), integer('consensus')] as const;

/** b7s models/response/form_cluster.go */
export const FORM_CLUSTER_RESPONSE: MessageCodec<FormClusterResponseMessage> = {
  type: struct('response.FormCluster', { ...ENVELOPE, request_id: STRING, code: STRING, consensus: UINT }),
  write: {
    a: object<FormClusterResponseMessage>(FORMED_TYPE, text('request_id'), FROM, ...FORMED),
    b: object<FormClusterResponseMessage>(text('request_id'), ...FORMED, FORMED_TYPE),
    c: object<FormClusterResponseMessage>(CARRIER, text('request_id'), ...FORMED, FORMED_TYPE),
  },
};

const DISBAND_TYPE = constant('type', 'MsgDisbandCluster');

/** b7s models/request/disband_cluster.go */
export const DISBAND_CLUSTER: MessageCodec<DisbandClusterMessage> = {
  type: struct('request.DisbandCluster', { ...ENVELOPE, request_id: STRING }),
  write: {
    a: object<DisbandClusterMessage>(DISBAND_TYPE, FROM, text('request_id')),
    b: object<DisbandClusterMessage>(text('request_id'), DISBAND_TYPE),
    c: object<DisbandClusterMessage>(CARRIER, text('request_id'), DISBAND_TYPE),
  },
};
