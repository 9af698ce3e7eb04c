import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { aggregate, parseAggregation } from '../../runtime/core/aggregation/aggregation.ts';
import type { NumericAggregate } from '../../runtime/core/node.ts';
import { outcome, peerResult } from '../http/stub-node.ts';

interface Asked {
  readonly type: string;
  readonly [parameter: string]: string;
}

/** What comes of peers `p0`, `p1`, … that print these texts. */
function aggregated({ type, ...parameters }: Asked, printed: readonly string[]): NumericAggregate {
  const asked = parseAggregation({
    enable: true,
    type,
    parameters: Object.entries(parameters).map(([name, value]) => ({ name, value })),
  });
  assert.ok(asked !== null);
  return aggregate(
    asked,
    printed.map((text, i) => peerResult(`p${i}`, { stdout: Buffer.from(text) })),
  );
}

suite('numeric aggregation', () => {
  test('means are exact where decimals are, and have 34 digits where the quotient has no end', () => {
    assert.equal(aggregated({ type: 'mean' }, ['0.1', '0.2']).value, '0.15');
    assert.equal(aggregated({ type: 'mean' }, ['1', '2', '2']).value, '1.666666666666666666666666666666667');
    assert.equal(aggregated({ type: 'mean' }, ['-1', '-2', '-2']).value, '-1.666666666666666666666666666666667');
    assert.equal(aggregated({ type: 'mean' }, ['9007199254740993', '9007199254740993']).value, '9007199254740993');
    assert.equal(aggregated({ type: 'mean' }, ['1e300', '3e300']).value, `2${'0'.repeat(300)}`);
    assert.equal(aggregated({ type: 'mean' }, ['1e-300', '3e-300']).value, `0.${'0'.repeat(299)}2`);
    assert.equal(aggregated({ type: 'mean' }, ['5', '-5']).value, '0');
  });

  test('the median is the middle one, or the mean of the middle two', () => {
    assert.equal(aggregated({ type: 'median' }, ['9', '1', '100']).value, '9');
    assert.equal(aggregated({ type: 'median' }, ['10', '9', '1', '100']).value, '9.5');
    assert.equal(aggregated({ type: 'median' }, ['-3.5']).value, '-3.5');
  });

  test('peers weigh what the parameters say, and one where they say nothing', () => {
    const weights = { 'weight.p0': '3', 'weight.p1': '0' };
    assert.equal(aggregated({ type: 'weighted', ...weights }, ['10', '1000', '2']).value, '8');
    assert.deepEqual(aggregated({ type: 'weighted', 'weight.p0': '0' }, ['10']), {
      type: 'weighted',
      value: null,
      count: 1,
      excluded: [],
    });
  });

  test('a trimmed mean drops that share at either end', () => {
    const ten = ['1000', '1', '2', '3', '4', '5', '6', '7', '8', '-1000'];
    assert.equal(aggregated({ type: 'trimmed' }, ten).value, '4.5');
    assert.equal(aggregated({ type: 'trimmed', trim: '0' }, ten).value, '3.6');
    assert.equal(aggregated({ type: 'trimmed', trim: '0.49' }, ten).value, '4.5');
    assert.equal(aggregated({ type: 'trimmed', trim: '0.1' }, ['1', '2']).value, '1.5');
  });

  test('numbers are found in the JSON that functions print, without passing through a double', () => {
    const documents = ['{"infererValue":"0.1"}', '{"value":0.30000000000000000000001}\n', '"0.2"'];
    const { value, count } = aggregated({ type: 'mean' }, documents);
    assert.equal(count, 3);
    assert.match(value ?? '', /^0\.2000000000000000000000033/);
    assert.equal(aggregated({ type: 'mean', field: 'price' }, ['{"price":7,"value":1}']).value, '7');
    assert.equal(aggregated({ type: 'mean', field: '__proto__' }, ['{"__proto__":7}']).value, '7');
  });

  test('what is no number is excluded and named', () => {
    const hostile = [
      '1e400',
      'NaN',
      'Infinity',
      '0x10',
      '1'.repeat(10_000),
      '',
      '1,5',
      '1_000',
      '{"infererValue":"NaN"}',
      '{"infererValue":{"text":"5"}}',
      '{"infererValue":[5]}',
      '{"infererValue":null}',
      '{"toString":1}',
      '[1]',
      'null',
      '{',
      '['.repeat(60_000),
      `{"value":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
      ' '.repeat(70_000),
      '.',
      '1e',
      '--1',
      '1e99999999999999999999',
    ];
    const { value, count, excluded } = aggregated({ type: 'mean' }, ['4', ...hostile]);
    assert.deepEqual([value, count], ['4', 1]);
    assert.deepEqual(
      excluded.map(({ peerId }) => peerId),
      hostile.map((_, i) => `p${i + 1}`),
    );
    assert.equal(excluded[1]?.reason, 'stdout is neither a decimal number nor JSON');
    assert.equal(excluded[12]?.reason, 'stdout has no field infererValue or value');
  });

  test('a function that failed gives no number', () => {
    const asked = parseAggregation({ enable: true, type: 'mean' });
    assert.ok(asked !== null);
    const failed = { peerId: 'p', outcome: outcome({ exitCode: 3, stdout: Buffer.from('5') }) };
    const killed = { peerId: 'q', outcome: outcome({ cause: 'deadline', exitCode: 15, stdout: Buffer.from('5') }) };
    assert.deepEqual(aggregate(asked, [failed, killed]), {
      type: 'mean',
      value: null,
      count: 0,
      excluded: [
        { peerId: 'p', reason: 'the function ended with exit code 3' },
        { peerId: 'q', reason: 'the function ended with cause deadline' },
      ],
    });
  });

  test('nothing is aggregated unless it is enabled', () => {
    assert.equal(parseAggregation(undefined), null);
    assert.equal(parseAggregation({ enable: false, type: 'none', parameters: [{ name: 'x', value: 'y' }] }), null);
  });

  test('an unknown type or parameter is refused with what there is', () => {
    const refused = (type: string, name?: string, value = ''): void => {
      const parameters = name === undefined ? [] : [{ name, value }];
      assert.throws(() => parseAggregation({ enable: true, type, parameters }), {
        code: 'ERR_INVALID_REQUEST',
        message: /^config\.result_aggregation: .*(give|known are) /,
      });
    };
    refused('average');
    refused('');
    refused('mean', 'trimm', '0.1');
    for (const trim of ['0.5', '-0.1', 'x', '']) refused('trimmed', 'trim', trim);
    for (const weight of ['-1', 'NaN', '']) refused('weighted', 'weight.p0', weight);
  });
});
