import { parseManifest } from '../../../runtime/core/manifest.ts';
import { json, mutate } from '../random.ts';
import { type FuzzTarget, refusable, require } from '../target.ts';

const KEYS = [
  ...[
    'name',
    'runtime',
    'deployment',
    'url',
    'uri',
    'checksum',
    'permissions',
    'modules',
    'file',
    'md5',
    'type',
    'entry',
  ],
  ...['function', 'inferbase', 'limits', 'deadlineMs', 'fuel', 'memoryPages', 'limited_memory', 'run_time', 'version'],
  ...[
    'files',
    'contentType',
    'export',
    'module',
    'limited_fuel',
    '__proto__',
    'constructor',
    'toString',
    'a'.repeat(64),
  ],
];
const GOOD = JSON.stringify({
  name: 'n',
  version: 1,
  runtime: { url: 'ipfs://x/a.tar.gz', checksum: 'a'.repeat(64) },
  modules: [
    { file: 'a.wasm', name: 'a', type: 'entry', md5: 'b'.repeat(32) },
    { file: 'b.wasm', name: 'b', type: 'module' },
  ],
  permissions: ['http://a.com/'],
  limited_memory: 3,
  inferbase: { limits: { deadlineMs: 5 } },
});

/** Manifests of any shape: refused by the path of a key, or with values of the kinds they should have. */
export const manifest: FuzzTarget = {
  name: 'manifest',
  async open() {
    return {
      try(random) {
        const text = random.once(2) ? JSON.stringify(json(random, KEYS)) : GOOD;
        const bytes = random.once(2) ? Buffer.from(text) : mutate(Buffer.from(text), random);
        const parsed = refusable(['ERR_INVALID_MANIFEST'], () => parseManifest(bytes));
        if (parsed === undefined) return;
        const { name, permissions, limits, modules, archive } = parsed;
        require(typeof name === 'string', 'a name that is no text');
        require(permissions === null || permissions.every((line) => typeof line === 'string'), 'permissions');
        require(Object.values(limits).every((limit) => Number.isSafeInteger(limit) && limit >= 0), 'limits');
        require(modules.every(({ file }) => typeof file === 'string'), 'modules');
        require(archive === null || /^[0-9a-f]{64}$/.test(archive.checksum), 'archive');
      },
    };
  },
};
