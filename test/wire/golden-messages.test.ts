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
