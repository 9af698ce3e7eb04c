import { map, STRING, struct } from '../go-json.ts';
import { constant, object, text } from '../go-writer.ts';
import { CARRIER, type Envelope, FROM, type MessageCodec } from './envelope.ts';

/** Install order, published to a topic, and the answer of a worker, sent to whom it came from. */
export interface InstallMessage extends Envelope {
  readonly type: 'MsgInstallFunction';
  readonly manifest_url?: string;
  readonly cid?: string;
}

export interface InstallResponseMessage extends Envelope {
  readonly type: 'MsgInstallFunctionResponse';
  /** `202` */
  readonly code?: string;
  /** `installed` */
  readonly message?: string;
  readonly cid?: string;
}

const ENVELOPE = { type: STRING, from: STRING, carrier: map(STRING) };
const ORDER_TYPE = constant('type', 'MsgInstallFunction');
const ORDER = [text('manifest_url'), text('cid')] as const;
const ANSWER_TYPE = constant('type', 'MsgInstallFunctionResponse');
const ANSWER = [text('code'), text('message'), text('cid')] as const;

/** b7s models/request/install_function.go */
export const INSTALL: MessageCodec<InstallMessage> = {
  type: struct('request.InstallFunction', { ...ENVELOPE, manifest_url: STRING, cid: STRING }),
  write: {
    a: object<InstallMessage>(ORDER_TYPE, FROM, ...ORDER),
    b: object<InstallMessage>(...ORDER, ORDER_TYPE),
    c: object<InstallMessage>(CARRIER, ...ORDER, ORDER_TYPE),
  },
};

/** b7s models/response/install_function.go */
export const INSTALL_RESPONSE: MessageCodec<InstallResponseMessage> = {
  type: struct('response.InstallFunction', { ...ENVELOPE, code: STRING, message: STRING, cid: STRING }),
  write: {
    a: object<InstallResponseMessage>(ANSWER_TYPE, FROM, ...ANSWER),
    b: object<InstallResponseMessage>(...ANSWER, ANSWER_TYPE),
    c: object<InstallResponseMessage>(CARRIER, ...ANSWER, ANSWER_TYPE),
  },
};
