/** README of a new project: the author's loop, command by command. */
export function projectReadme(name: string, python: boolean): string {
  const text = `# ${name}

A node function: a WebAssembly program that answers inference requests, named by the CID of its package.

| file | is |
| --- | --- |
| \`assembly/index.ts\` | the function, in AssemblyScript |
${python ? PYTHON_FILES : MODEL_FILES}| \`test/${name}.test.yaml\` | its tests |
| \`inferbase.yaml\` | what goes into the package, and the settings of nodes started here |
| \`nodes/\` | identities of a head and a worker for local use: their keys are secrets and ignored by git |
| \`Dockerfile\`, \`compose.yaml\` | the worker's image; two nodes on this machine |

Until you edit it, the answer is a random value. What is left to fill in is marked: \`grep -rn 'FILL IN' .\`

## From source to CID

\`\`\`sh
npm install            # the compiler; not needed where it is installed in a parent folder or beside inferbase
inferbase build        # build/${name}.wasm, its package build/${name}/, and the CID
inferbase test
inferbase exec build/${name}.wasm --env ALLORA_ARG_PARAMS=ETH
inferbase pin build/${name}
inferbase exec CID --env ALLORA_ARG_PARAMS=ETH
\`\`\`

\`inferbase pin\` prints the CID that \`inferbase build\` printed: the same source has the same CID on any machine.

## A node here

\`\`\`sh
${python ? '' : `node model-server/server.mjs &\n`}inferbase serve
\`\`\`

It reads \`inferbase.yaml\` and prints the CID it serves. Ask it as a head node would, with that CID:

\`\`\`sh
curl http://localhost:6000/api/v1/functions/execute --header 'Content-Type: application/json' --data '{
  "function_id": "CID", "method": "${name}.wasm", "topic": "1",
  "config": {"env_vars": [{"name": "ALLORA_ARG_PARAMS", "value": "ETH"}], "number_of_nodes": -1, "timeout": 2}
}'
\`\`\`

Another machine runs it by CID, fetched from this node (which must listen there: \`inferbase serve --listen-api 0.0.0.0:6000\`):

\`\`\`sh
inferbase exec CID --gateways http://ADDRESS_OF_THIS_MACHINE:6000 --env ALLORA_ARG_PARAMS=ETH
\`\`\`

With \`--data-dir nodes/head/.inferbase\` or \`--data-dir nodes/worker/.inferbase\` the node has that identity.

## Containers

\`\`\`sh
docker build -t inferbase PATH_TO_A_CLONE_OF_INFERBASE
inferbase build && docker compose up --build
\`\`\`

starts ${python ? '' : 'the model server and '}two nodes: head serves the function on port 6000, worker fetches it from head by CID and answers on port 6001.
These files are a start, not the finished product: change them as you like, nothing writes them again.
`;
  return text;
}

const MODEL_FILES = `| \`model-server/server.mjs\` | a stand-in for your model server |
`;

const PYTHON_FILES = `| \`main.py\` | predicts; the node runs it as \`cgi-allora-infer\` with this machine's python3 |
`;
