import { COMPILER } from '../compile-function.ts';
import { composeFile, DOCKER_IGNORE, dockerfile } from './container-files.ts';
import { functionSource, functionTest, mainScript } from './function-files.ts';
import { modelServer } from './model-server-file.ts';
import { projectReadme } from './readme-file.ts';
import { settingsFile } from './settings-file.ts';

export interface ProjectInit {
  /** Of the function and of the folder. */
  readonly name: string;
  /** The prediction comes from a `main.py` that runs beside the node. */
  readonly python: boolean;
  /** `UID:GID` that containers run as, so that they may read the keys of whoever made the project. */
  readonly user: string;
  /** base58, by the node's name. */
  readonly peerIds: Readonly<Record<(typeof NODES)[number], string>>;
}

/** Folders of the identities for local use; `pin` and `build` never take a folder of that name. */
export const NODES = ['head', 'worker'] as const;

/** Path of a node's key, where a node with that data folder looks for it. */
export function keyPath(node: (typeof NODES)[number]): string {
  return `nodes/${node}/.inferbase/keys/priv.bin`;
}

/** The files of a new project but the keys: path → text. */
export function projectFiles(init: ProjectInit): ReadonlyMap<string, string> {
  const { name, python, user } = init;
  const files: [path: string, text: string][] = [
    ['.dockerignore', DOCKER_IGNORE],
    ['.env', `# Who the containers run as: compose.yaml reads it.\nNODE_USER=${user}\n`],
    ['.gitignore', GIT_IGNORE],
    ['Dockerfile', dockerfile(init)],
    ['README.md', projectReadme(name, python)],
    ['asconfig.json', json({ extends: './node_modules/inferbase/sdk/asconfig.json', entries: ['assembly/index.ts'] })],
    ['assembly/index.ts', functionSource(python)],
    ['assembly/tsconfig.json', json({ extends: 'assemblyscript/std/assembly.json', include: ['./**/*.ts'] })],
    ['compose.yaml', composeFile(init)],
    ['inferbase.yaml', settingsFile(name, python)],
    ['package.json', packageFile(name, python)],
    [`test/${name}.test.yaml`, functionTest(name, python)],
  ];
  if (python) files.push(['main.py', mainScript()]);
  else files.push(['model-server/server.mjs', modelServer()]);
  return new Map(files);
}

/** The package of ours is on no registry that npm asks by itself, so it is a peer that npm does not look for. */
function packageFile(name: string, python: boolean): string {
  const [compiler = '', version = ''] = COMPILER.split('@');
  return json({
    name: name.toLowerCase(),
    private: true,
    type: 'module',
    scripts: {
      build: 'inferbase build',
      test: 'inferbase test',
      start: 'inferbase run',
      stop: 'inferbase terminate',
      ...(!python && { model: 'node model-server/server.mjs' }),
    },
    devDependencies: { [compiler]: version },
    peerDependencies: { inferbase: '*' },
    peerDependenciesMeta: { inferbase: { optional: true } },
  });
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

const GIT_IGNORE = `node_modules/
build/
__pycache__/
# Identities and data of local nodes: keys are secrets.
.inferbase/
nodes/
.env
`;
