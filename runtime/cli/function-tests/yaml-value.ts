import { readFile } from 'node:fs/promises';
import type { Document, LineCounter, ParsedNode } from 'yaml';
import { nearest } from '../../config/keys.ts';
import { InferbaseError } from '../../core/errors.ts';

const MAX_BYTES = 1_048_576;

interface Source {
  /** As it is shown in errors. */
  readonly file: string;
  readonly document: Document;
  readonly lines: LineCounter;
  readonly yaml: typeof import('yaml');
}

/** A value of a YAML or JSON file that knows its key and line, so that whatever is wrong with it can be told. */
export class YamlValue {
  /** `tests[0].expect.stdout`; empty for the whole file. */
  readonly path: string;
  readonly #node: ParsedNode | null;
  readonly #source: Source;
  readonly #offset: number;

  constructor(source: Source, path: string, node: unknown, offset: number) {
    const { yaml, document } = source;
    this.#source = source;
    this.path = path;
    this.#node = (yaml.isAlias(node) ? node.resolve(document) : node) as ParsedNode | null;
    this.#offset = yaml.isNode(node) ? (node.range?.[0] ?? offset) : offset;
  }

  get kind(): 'mapping' | 'list' | 'text' | 'number' | 'switch' | 'nothing' {
    const { yaml } = this.#source;
    const node = this.#node;
    if (yaml.isMap(node)) return 'mapping';
    if (yaml.isSeq(node)) return 'list';
    if (!yaml.isScalar(node) || node.value === null) return 'nothing';
    if (typeof node.value === 'string') return 'text';
    return typeof node.value === 'boolean' ? 'switch' : 'number';
  }

  /** `FILE:LINE` */
  get location(): string {
    return `${this.#source.file}:${this.#source.lines.linePos(this.#offset).line}`;
  }

  /** An error about this value. */
  fail(problem: string): InferbaseError {
    const { line, col } = this.#source.lines.linePos(this.#offset);
    const name = this.path === '' ? '' : `${this.path} `;
    return new InferbaseError('ERR_INVALID_REQUEST', `${this.#source.file}:${line}:${col}: ${name}${problem}`);
  }

  /**
   * Key → value.
   * @param known the only keys there may be; any when left out
   */
  mapping(known?: readonly string[]): Map<string, YamlValue> {
    const { yaml } = this.#source;
    const node = this.#node;
    if (!yaml.isMap(node)) {
      throw this.fail(
        `is ${this.#described()} where a mapping is expected; write keys below it, such as ${known?.[0] ?? 'NAME'}:`,
      );
    }
    const entries = new Map<string, YamlValue>();
    for (const pair of node.items) {
      const key = yaml.isScalar(pair.key) ? pair.key : null;
      const name = key === null ? '?' : String(key.value);
      const at = key?.range?.[0] ?? this.#offset;
      const inner = this.path === '' ? name : `${this.path}.${name}`;
      const value = new YamlValue(this.#source, inner, pair.value, at);
      if (known !== undefined && !known.includes(name)) {
        const meant = nearest(name, known);
        const where = new YamlValue(this.#source, inner, null, at);
        throw where.fail(`is not a key; did you mean ${meant}? There are: ${known.join(', ')}`);
      }
      entries.set(name, value);
    }
    return entries;
  }

  list(): YamlValue[] {
    const node = this.#node;
    if (!this.#source.yaml.isSeq(node))
      throw this.fail(`is ${this.#described()} where a list is expected; begin its lines with "- "`);
    return node.items.map((item, index) => new YamlValue(this.#source, `${this.path}[${index}]`, item, this.#offset));
  }

  /** Text; a number or `true` as it is written there, so that `1.10` stays `1.10`. */
  text(): string {
    const { yaml } = this.#source;
    const node = this.#node;
    if (yaml.isScalar(node) && node.value !== null) {
      return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
    }
    throw this.fail(`is ${this.#described()} where text is expected; put text in quotes`);
  }

  whole(min: number, max: number, unit: string): number {
    const value = this.json();
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    throw this.fail(`is ${this.#described()}; write a whole number of ${unit} from ${min} to ${max}`);
  }

  /** Whatever it is, as JSON has it. */
  json(): unknown {
    const { document, yaml } = this.#source;
    return yaml.isNode(this.#node) ? this.#node.toJS(document, { maxAliasCount: 100 }) : null;
  }

  #described(): string {
    switch (this.kind) {
      case 'mapping':
        return 'a mapping';
      case 'list':
        return 'a list';
      case 'nothing':
        return 'empty';
      default:
        return JSON.stringify(this.json()).slice(0, 60);
    }
  }
}

/**
 * Reads a YAML or JSON file (JSON is read as the YAML it is).
 * @param shown the file's name in errors
 * @throws InferbaseError ERR_INVALID_REQUEST, with line and column, when it cannot be read, is over 1 MiB or malformed
 */
export async function readYaml(path: string, shown: string): Promise<YamlValue> {
  const refuse = (problem: string): InferbaseError => new InferbaseError('ERR_INVALID_REQUEST', `${shown}${problem}`);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw refuse(` cannot be read (${error.code}); give a readable file`);
  });
  if (bytes.length > MAX_BYTES) throw refuse(` has ${bytes.length} bytes and at most ${MAX_BYTES} are read; split it`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw refuse(' is not UTF-8 text; save it as UTF-8');
  }
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  let document: Document;
  try {
    document = yaml.parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  } catch {
    throw refuse(' is nested too deeply; a test has a few levels');
  }
  const [problem] = document.errors;
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw refuse(`:${line}:${col}: is not valid YAML or JSON: ${problem.message.split('\n', 1)[0]}; correct that line`);
  }
  return new YamlValue({ file: shown, document, lines, yaml }, '', document.contents, 0);
}
