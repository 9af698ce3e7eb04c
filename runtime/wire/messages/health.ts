import { INT, map, STRING, struct } from '../go-json.ts';
import { constant, integer, object } from '../go-writer.ts';
import { CARRIER, type Envelope, FROM, type MessageCodec } from './envelope.ts';

/** Published to the general topic once a minute; its code is a number. */
export interface HealthMessage extends Envelope {
  readonly type: 'MsgHealthCheck';
  /** 200 */
  readonly code?: number;
}

const TYPE = constant('type', 'MsgHealthCheck');

/** b7s models/response/health.go */
export const HEALTH: MessageCodec<HealthMessage> = {
  type: struct('response.Health', { type: STRING, from: STRING, carrier: map(STRING), code: INT }),
  write: {
    a: object<HealthMessage>(TYPE, FROM, integer('code')),
    b: object<HealthMessage>(integer('code'), TYPE),
    c: object<HealthMessage>(CARRIER, integer('code'), TYPE),
  },
};
