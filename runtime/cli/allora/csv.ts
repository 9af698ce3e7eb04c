/**
 * The fields of the first line of CSV, read as strictly as Go's encoding/csv: a field in double quotes may hold commas
 * and doubled quotes, one without may hold no quote.
 * @returns `[]` for empty text
 * @throws Error naming line and column (in bytes, from 1)
 */
export function parseFirstRecord(text: string): string[] {
  const line = text.replace(/^(?:\r?\n)+/, '').split(/\r?\n/, 1)[0] ?? '';
  if (line === '') return [];
  const fields: string[] = [];
  for (let at = 0; ; ) {
    if (line[at] === '"') {
      const quoted = /^"((?:[^"]|"")*)"(?!")/.exec(line.slice(at));
      if (quoted === null) throw problem(line, line.length, 'extraneous or missing " in quoted-field');
      fields.push((quoted[1] ?? '').replaceAll('""', '"'));
      at += quoted[0].length;
      if (at < line.length && line[at] !== ',') throw problem(line, at - 1, 'extraneous or missing " in quoted-field');
    } else {
      const comma = line.indexOf(',', at);
      const field = line.slice(at, comma < 0 ? line.length : comma);
      if (field.includes('"')) throw problem(line, at + field.indexOf('"'), 'bare " in non-quoted-field');
      fields.push(field);
      at += field.length;
    }
    if (at >= line.length) return fields;
    at++;
  }
}

function problem(line: string, at: number, what: string): Error {
  return new Error(`parse error on line 1, column ${Buffer.byteLength(line.slice(0, at)) + 1}: ${what}`);
}
