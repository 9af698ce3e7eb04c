import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePrices, SeriesError } from '../model-server/series.ts';

test('reads dates and closes of every token, skipping comments and blank lines', () => {
  const table = parsePrices('# made up\n# more\ndate,AAA,b-2\n2026-01-01,1.5,2e3\n\n2026-01-03,2,3\n', 'x.csv');
  assert.equal(table.note, 'made up');
  assert.deepEqual(table.dates, ['2026-01-01', '2026-01-03']);
  assert.deepEqual(table.series, [
    { token: 'AAA', closes: [1.5, 2] },
    { token: 'b-2', closes: [2000, 3] },
  ]);
});

test('reads files with a byte order mark, CRLF line ends and spaces around fields', () => {
  const table = parsePrices('\uFEFFdate, AAA\r\n2026-01-01, 1\r\n', 'x.csv');
  assert.deepEqual(table.series, [{ token: 'AAA', closes: [1] }]);
});

const malformed: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ['an empty file', '', /^x\.csv is empty/],
  ['only comments', '# a\n# b\n', /^x\.csv is empty/],
  ['no header', '2026-01-01,1\n', /^x\.csv, line 1: the header is "2026-01-01,1"/],
  ['a header without tokens', 'date\n', /line 1: the header is "date"/],
  ['a token with a slash', 'date,a/b\n', /line 1: "a\/b" is no token name/],
  ['an empty token', 'date,AAA,\n', /line 1: "" is no token name/],
  ['the same token twice', 'date,AAA,aaa\n', /line 1: the token aaa is there twice/],
  ['too few prices', '# c\ndate,AAA,BBB\n2026-01-01,1\n', /line 3: 1 prices for 2 tokens/],
  ['too many prices', 'date,AAA\n2026-01-01,1,2\n', /line 2: 2 prices for 1 tokens/],
  ['a day that does not exist', 'date,AAA\n2026-02-30,1\n', /line 2: "2026-02-30" is no date/],
  ['another way to write dates', 'date,AAA\n1/2/2026,1\n', /line 2: "1\/2\/2026" is no date/],
  ['days out of order', 'date,AAA\n2026-01-02,1\n2026-01-01,1\n', /line 3: 2026-01-01 does not come after 2026-01-02/],
  ['a day twice', 'date,AAA\n2026-01-02,1\n2026-01-02,1\n', /line 3: 2026-01-02 does not come after/],
  ['a missing price', 'date,AAA\n2026-01-01,\n', /line 2: "" is no price of AAA/],
  ['a price of zero', 'date,AAA\n2026-01-01,0\n', /line 2: "0" is no price of AAA/],
  ['a negative price', 'date,AAA\n2026-01-01,-3\n', /line 2: "-3" is no price/],
  ['a word for a price', 'date,AAA\n2026-01-01,NaN\n', /line 2: "NaN" is no price/],
  ['a hexadecimal price', 'date,AAA\n2026-01-01,0x10\n', /line 2: "0x10" is no price/],
  ['a price past all range', 'date,AAA\n2026-01-01,1e400\n', /line 2: "1e400" is no price/],
  ['a line of rubbish', `date,AAA\n${'z'.repeat(9_000)},1\n`, /line 2: "z{60}…" is no date/],
  ['bytes that are no text', 'date,AAA\n\u0000\uFFFD\n', /line 2: 0 prices for 1 tokens/],
];
for (const [what, text, message] of malformed) {
  test(`refuses ${what}, naming the line`, () => {
    assert.throws(
      () => parsePrices(text, 'x.csv'),
      (error) => error instanceof SeriesError && message.test(error.message),
    );
  });
}
