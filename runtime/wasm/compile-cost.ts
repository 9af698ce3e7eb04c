import { BOUNDS } from './bounds.ts';

/**
 * What V8's compilers do at each such place for every local and every value on the stack, in eighths of what they do at a
 * label: measured on Node 26, one label and one value take some 10 ns and 12 bytes.
 */
export const WEIGHT = {
  /** A block, and each label that is branched to. */
  label: 8,
  if: 16,
  /** With what metering adds to it. */
  loop: 24,
  /** A call: only a list of what lives across it. */
  call: 1,
  /** On top, where an exception of it is caught. */
  callInTry: 16,
} as const;

/**
 * Estimates what it costs V8 to compile functions: its compilers carry a state of all locals and of the stack to each
 * place where control flow parts or meets, so time and memory go by the product. A module of 56 KB can ask for gigabytes.
 */
export class CompileCost {
  /** Values on the stack; wrong, and of no matter, in code that is never reached. */
  height = 0;
  #locals = 0;
  #cost = 0;
  #all = 0;
  #tries = 0;
  /** Of each open block: height below its parameters, parameters, results, whether it catches. */
  readonly #blocks: Int32Array = new Int32Array((BOUNDS.nesting + 1) * 4);
  /** Numbers of `#blocks` in use. */
  #used = 0;

  openFunction(locals: number): void {
    this.height = 0;
    this.#locals = locals;
    this.#cost = 0;
    this.#tries = 0;
    this.#used = 0;
  }

  /** @param weight one of `WEIGHT` */
  add(weight: number): void {
    this.#cost += (this.#locals + Math.max(this.height, 0)) * weight;
  }

  /** @param params values a call takes, @param results values it leaves */
  call(params: number, results: number): void {
    this.height += results - params;
    this.add(this.#tries > 0 ? WEIGHT.callInTry + WEIGHT.call : WEIGHT.call);
  }

  openBlock(weight: number, params: number, results: number, catches: boolean): void {
    this.add(weight);
    const at = this.#used;
    this.#blocks[at] = this.height - params;
    this.#blocks[at + 1] = params;
    this.#blocks[at + 2] = results;
    this.#blocks[at + 3] = catches ? 1 : 0;
    this.#used = at + 4;
    if (catches) this.#tries += 1;
  }

  /** `else`, `catch`: the block begins again. @param values that it begins with; default its parameters */
  again(values?: number): void {
    const at = this.#used - 4;
    if (at < 0) return;
    this.height = (this.#blocks[at] as number) + (values ?? (this.#blocks[at + 1] as number));
    this.add(WEIGHT.label);
  }

  closeBlock(): void {
    const at = this.#used - 4;
    if (at < 0) return;
    this.height = (this.#blocks[at] as number) + (this.#blocks[at + 2] as number);
    if (this.#blocks[at + 3] === 1) this.#tries -= 1;
    this.#used = at;
  }

  /** @returns what is wrong with the function, or with the module so far; `null` when nothing is */
  closeFunction(): string | null {
    this.#all += this.#cost;
    if (this.#cost > BOUNDS.compileCost) {
      return `would take V8 too much memory to compile: its branches and calls times its locals come to ${this.#cost}, more than the ${BOUNDS.compileCost} allowed`;
    }
    if (this.#all <= BOUNDS.moduleCompileCost) return null;
    return `takes the branches and calls of all functions times their locals past ${BOUNDS.moduleCompileCost}, which would take V8 too long to compile`;
  }
}
