/** Prints, as JSON, what rewriting makes of random programs and what fuel they use; run on several versions of Node. */
import { hash } from 'node:crypto';
import type { PreparedModule } from '../../runtime/core/module-facts.ts';
import { readModule } from '../../runtime/wasm/read-module.ts';
import { rewriteModule } from '../../runtime/wasm/rewrite.ts';
import { sameBehaviour } from './differential.ts';
import { generateModule } from './generate.ts';

/** The same programs everywhere. */
const FIRST = 20_260;
const count = Number(process.argv[2] ?? 200);

const rows: (readonly [seed: number, sha256: string, fuel: number | null])[] = [];
for (let seed = FIRST; seed < FIRST + count; seed++) {
  const bytes = generateModule(seed);
  const rewritten: PreparedModule['bytes'] = rewriteModule(bytes, readModule(bytes));
  rows.push([seed, hash('sha256', rewritten), await sameBehaviour(bytes, `seed ${seed}`)]);
}
console.log(JSON.stringify({ version: process.version, rows }));
