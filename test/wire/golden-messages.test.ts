import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { decodeMessage, dialectOf, encodeMessage } from '../../runtime/wire/messages/message.ts';
import { readGolden, textOf } from './golden.ts';

for (const dialect of ['a', 'b', 'c'] as const) {
  suite(`messages of Go nodes, dialect ${dialect}`, () => {
    const golden = readGolden(dialect);
    for (const vector of [
      ...golden.messages,
      ...golden.captured.map((said) => ({ ...said, name: `said: ${said.name}` })),
    ]) {
      // Answers of the HTTP API and bare results are no messages.
      if (!textOf(vector).includes('"type":"Msg')) continue;
      test(`${vector.name} is read and written again to the same bytes`, () => {
        const text = textOf(vector);
        const message = decodeMessage(Buffer.from(text));
        // Go itself reads the escape of a bad byte as U+FFFD and writes that as it is.
        assert.equal(encodeMessage(message, dialect).toString(), text.replaceAll('\\ufffd', '\ufffd'));
      });

      test(`${vector.name} is read with its fields in any order and case, and others among them`, () => {
        const text = textOf(vector);
        const fields = Object.entries(JSON.parse(text) as Record<string, unknown>).reverse();
        const shuffled = JSON.stringify({
          zz: [{}],
          ...Object.fromEntries(fields.map(([k, v]) => [k.toUpperCase(), v])),
        });
        const message = decodeMessage(Buffer.from(shuffled));
        assert.equal(encodeMessage(message, dialect).toString(), text.replaceAll('\\ufffd', '\ufffd'));
      });
    }

    test('the dialect of orders and roll calls shows', () => {
      for (const vector of readGolden(dialect).messages) {
        if (!/^(?:roll call|work order|execute), /.test(vector.name)) continue;
        assert.equal(dialectOf(decodeMessage(Buffer.from(textOf(vector)))), dialect, vector.name);
      }
    });
  });
}

suite('messages of a Go node of v0.7.0', () => {
  for (const vector of readGolden('b-0.7.0').messages) {
    test(`${vector.name} is read, and shows its version where a cluster is formed`, () => {
      const message = decodeMessage(Buffer.from(textOf(vector)));
      if (message.type !== 'MsgFormCluster') return;
      assert.equal(message.traceField, 'Carrier');
      const { Carrier, ...others } = JSON.parse(textOf(vector)) as Record<string, unknown>;
      const carrier = Carrier === null ? {} : { carrier: Carrier };
      assert.deepEqual(JSON.parse(encodeMessage(message, 'c').toString()), { ...carrier, ...others });
    });
  }

  test('no other version shows as that', () => {
    for (const version of ['a', 'b', 'c'] as const) {
      for (const vector of readGolden(version).messages.filter(({ name }) => name.startsWith('form cluster'))) {
        assert.equal('traceField' in decodeMessage(Buffer.from(textOf(vector))), false);
      }
    }
    const text = '{"type":"MsgFormCluster","traceField":"Carrier","carrier":null,"CARRIER":{}}';
    assert.equal('traceField' in decodeMessage(Buffer.from(text)), false);
  });
});
