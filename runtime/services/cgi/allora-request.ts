/** Largest request, in bytes of its JSON. */
const MAX_BYTES = 1_048_576;
const LENGTH_LINE = /^\s*(\d{1,9})\s*$/;
const LF = 0x0a;

/** What `cgi-allora-infer` is asked; absent parts are empty. */
export interface AlloraRequest {
  readonly args: readonly string[];
  readonly topicId: string;
  readonly blockHeight: string;
  readonly blockHeightEval: string;
}

/** Argument orders of the extension's releases. */
const ARGV_ORDERS = ['v0.1.2', 'v0.1.4', 'v0.2.0'] as const;
export type ArgvOrder = (typeof ARGV_ORDERS)[number];

/** The script's arguments, in the order of that release. */
export function alloraArgv(order: ArgvOrder, { args, topicId, blockHeight, blockHeightEval }: AlloraRequest): string[] {
  switch (order) {
    case 'v0.1.2':
      return [...args, topicId];
    case 'v0.1.4':
      return [topicId, ...args];
    case 'v0.2.0':
      return [topicId, blockHeight, blockHeightEval, ...args];
  }
}

/**
 * Reads `<length>\r\n<json>\r\n`, also with bare line feeds. Functions count the length in UTF-16 units, other callers
 * in bytes: either will do.
 * @param ended no more input comes
 * @returns the request, `null` while there is less than that, or the sentence the extension prints instead
 */
export function readAlloraRequest(input: Uint8Array, ended: boolean): AlloraRequest | string | null {
  const lineEnd = input.indexOf(LF);
  if (lineEnd < 0) return ended ? 'No valid input provided' : input.length > 64 ? 'Invalid length value' : null;
  const length = Number(
    LENGTH_LINE.exec(Buffer.from(input.subarray(0, lineEnd)).toString('latin1'))?.[1] ?? Number.NaN,
  );
  if (!(length <= MAX_BYTES)) return 'Invalid length value';
  const body = input.subarray(lineEnd + 1);
  // The JSON is built from raw text and may itself hold line ends: the one at which the length fits ends it.
  for (let end = body.indexOf(LF); end >= 0; end = body.indexOf(LF, end + 1)) {
    const text = fitting(body.subarray(0, end), length);
    if (text !== null) return parseRequest(text);
    if (end > length * 3 + 1) return 'Data length mismatch';
  }
  const rest = ended ? fitting(body, length) : null;
  if (rest !== null) return parseRequest(rest);
  return ended || body.length > length * 3 + 2 ? 'Data length mismatch' : null;
}

/** The text, without the carriage return that may end it, if it has that many bytes or UTF-16 units. */
function fitting(bytes: Uint8Array, length: number): string | null {
  const line = bytes.at(-1) === 0x0d ? bytes.subarray(0, -1) : bytes;
  if (line.length < length) return null;
  const text = Buffer.from(line).toString('utf8');
  return line.length === length || text.length === length ? text : null;
}

function parseRequest(text: string): AlloraRequest | string {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch (error) {
    return `Error parsing JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (typeof given !== 'object' || given === null) return 'Error parsing JSON: it is not an object';
  // Go matches keys whatever their case; releases differ in it.
  const fields = new Map(Object.entries(given).map(([key, value]) => [key.toLowerCase(), value as unknown]));
  const field = (key: string): string => {
    const value = fields.get(key);
    return typeof value === 'string' ? value : '';
  };
  const args: unknown = fields.get('arguments');
  const request: AlloraRequest = {
    args: Array.isArray(args) ? args.filter((arg) => typeof arg === 'string') : [],
    topicId: field('topicid'),
    blockHeight: field('blockheight'),
    blockHeightEval: field('blockheighteval'),
  };
  const all = [...request.args, request.topicId, request.blockHeight, request.blockHeightEval];
  return all.some((part) => part.includes('\0')) ? 'Error parsing JSON: a NUL cannot be passed on' : request;
}
