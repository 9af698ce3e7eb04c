import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SETTING_KEYS } from '../../../runtime/config/keys.ts';
import { loadSettings } from '../../../runtime/config/load.ts';
import { EDGES, json, mutate, type Random, text } from '../random.ts';
import { type FuzzTarget, refusableSoon, require } from '../target.ts';

const NAMES = [...new Set(SETTING_KEYS.flatMap(({ path }) => path)), '__proto__', 'constructor', 'toString'];
const GOOD = 'listen:\n  api: 127.0.0.1:0\nlimits: { deadlineMs: 5, fuel: 7 }\npolicy:\n  allow: ["http://a.com/"]\n';
const YAML = [
  'a: &a [*a]',
  '*b',
  '!!js/function x',
  '<<: {limits: 1}',
  '? [a]\n: b',
  '%YAML 9',
  '---\n---',
  '\t',
  '&x ',
  '- ',
];

function someValue(random: Random): string {
  return random.once(2) ? text(random) : String(random.pick(EDGES));
}

function someFile(random: Random): Uint8Array {
  if (random.once(3)) return mutate(Buffer.from(GOOD), random, Buffer.from(random.pick(YAML)));
  if (random.once(2)) return Buffer.from(`${GOOD}${random.pick(YAML)}${random.pick(YAML)}`);
  return Buffer.from(JSON.stringify(json(random, NAMES)));
}

/** Settings from files, variables and flags: refused by key, or frozen and of the kinds they should have. */
export const settings: FuzzTarget = {
  name: 'settings',
  async open() {
    const cwd = await mkdtemp(join(tmpdir(), 'inferbase-fuzz-'));
    return {
      async try(random) {
        await writeFile(join(cwd, 'inferbase.yaml'), someFile(random));
        const env: Record<string, string> = {};
        const flags: Record<string, unknown> = {};
        for (let count = random.below(3); count > 0; count--) {
          const row = random.pick(SETTING_KEYS);
          env[random.once(4) ? `INFERBASE_${text(random)}` : row.env] = someValue(random);
          flags[row.path.join('.')] = random.once(2) ? someValue(random) : json(random, NAMES, 2);
        }
        const loaded = await refusableSoon(['ERR_INVALID_SETTING'], () => loadSettings({ cwd, env, flags }));
        if (loaded === undefined) return;
        require(Object.values(loaded.settings.limits).every((limit) => Number.isSafeInteger(limit)), 'limits');
        require(Object.getPrototypeOf({}) === Object.prototype &&
          Object.keys(Object.prototype).length === 0, 'polluted');
      },
      close: () => rm(cwd, { recursive: true, force: true }),
    };
  },
};
