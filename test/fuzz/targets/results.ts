import { crc32 } from 'node:zlib';
import { formatDecimal, parseDecimal } from '../../../runtime/core/aggregation/decimal.ts';
import { resultNumber } from '../../../runtime/core/aggregation/result-number.ts';
import type { Outcome } from '../../../runtime/core/execution.ts';
import type { PeerResult } from '../../../runtime/core/node.ts';
import { encodeRecord, readRecords } from '../../../runtime/services/kept-results/result-record.ts';
import { outcome } from '../../http/stub-node.ts';
import { EDGES, mutate, type Random, text } from '../random.ts';
import { type FuzzTarget, require } from '../target.ts';

function someRecord(random: Random): Buffer {
  const results = random.times(3, (): PeerResult => {
    const stdout = random.bytes(random.below(40));
    return { peerId: text(random), outcome: outcome({ stdout, message: text(random), exitCode: random.pick(EDGES) }) };
  });
  return encodeRecord({ requestId: text(random), results });
}

/** The sum is made right, so that what it protects is looked at as well. */
function withRightSum(record: Buffer): Buffer {
  if (record.length < 8) return record;
  record.writeUInt32LE(record.length - 8, 0);
  record.writeUInt32LE(crc32(record.subarray(8)), 4);
  return record;
}

/** Files of kept results, damaged: what is read of them is whole, and the same when it is written again. */
export const keptResults: FuzzTarget = {
  name: 'kept-results',
  async open() {
    return {
      try(random) {
        const first = someRecord(random);
        const damaged = Buffer.from(mutate(someRecord(random), random));
        const second = random.once(2) ? withRightSum(damaged) : damaged;
        const file = random.once(2) ? Buffer.concat([first, second]) : Buffer.from(mutate(first, random));
        for (const record of readRecords(file)) {
          require(typeof record.requestId === 'string', 'a record without an id');
          for (const { peerId, outcome: kept } of record.results) checkOutcome(peerId, kept);
          const [again] = readRecords(encodeRecord(record));
          require(JSON.stringify(again) === JSON.stringify(record), 'written again it is another');
        }
      },
    };
  },
};

function checkOutcome(peerId: string, { stdout, stderr, exitCode, usage }: Outcome): void {
  require(typeof peerId === 'string', 'no peer id');
  require(stdout instanceof Uint8Array && stderr instanceof Uint8Array, 'no output');
  require(typeof exitCode === 'number' && Object.values(usage).every((n) => typeof n === 'number'), 'no numbers');
}

const NUMBERS = ['1', '-0.5', '1e308', '1e-308', '0x10', 'NaN', '1e400', '00012.500', '.5', '5.', '-', '9'.repeat(99)];

/** What functions print, for a number in it: there is one, which reads as itself again, or a reason. */
export const resultNumbers: FuzzTarget = {
  name: 'result-numbers',
  async open() {
    return {
      try(random) {
        const number = random.pick(NUMBERS);
        const printed = random.pick([
          number,
          `"${number}"`,
          `{"value":${number}}`,
          `{"infererValue":"${number}","x":[${number}]}`,
          '['.repeat(random.below(40_000)),
          text(random),
        ]);
        const bytes = mutate(Buffer.from(printed), random);
        const field = random.once(3) ? text(random) : null;
        const found = resultNumber(outcome({ stdout: random.once(2) ? bytes : Buffer.from(printed) }), field);
        if (typeof found === 'string') return require(found !== '', 'no reason');
        const shown = formatDecimal(found);
        require(/^-?\d+(\.\d*[1-9])?$/.test(shown), `shown as ${shown}`);
        const again = shown.length > 100 ? found : parseDecimal(shown);
        require(again !== null && formatDecimal(again) === shown, `${shown} reads as another`);
      },
    };
  },
};
