/** README of a new project: the author's loop, command by command. */
export function projectReadme(name: string, python: boolean): string {
  const text = `# ${name}

A node function: a WebAssembly program that answers inference requests, named by the CID of its package.

| file | is |
| --- | --- |
| \`assembly/index.ts\` | the function, in AssemblyScript |
${python ? PYTHON_FILES : MODEL_FILES}| \`test/${name}.test.yaml\` | its tests |
| \`inferbase.yaml\` | what goes into the package, and the settings of nodes started here |
| \`nodes/\` | identities and logs of the head and the worker that run here: the keys are secrets and ignored by git |
| \`Dockerfile\`, \`compose.yaml\` | the worker's image; a head and a worker in containers |

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

## A head and a worker here

\`\`\`sh
inferbase run          # builds, starts ${python ? '' : 'the model server, '}a head and a worker in the background, and prints the curl to paste
inferbase status
inferbase logs -f      # Ctrl-C ends it
inferbase terminate
\`\`\`

The head answers execute requests on port 6000, finds workers that serve the topic, and hands on what they answer; the
worker runs the function. Each is a process of its own, with its identity and log in \`nodes/\`; \`inferbase exec CID\` finds
what the worker has. What \`run\` prints is
the request of the Allora guide with your CID, topic 1 and ETH:

\`\`\`sh
curl http://localhost:6000/api/v1/functions/execute --header 'Content-Type: application/json' --data '{
  "function_id": "CID", "method": "${name}.wasm", "topic": "1",
  "config": {"env_vars": [{"name": "ALLORA_ARG_PARAMS", "value": "ETH"}], "number_of_nodes": -1, "timeout": 2}
}'
\`\`\`

After a change type \`inferbase run\` again: what runs goes on, the new build gets a CID of its own, and the worker has it.

## One node, and another machine

\`inferbase serve\` in this folder is a node that answers by itself, without head and worker. Another machine runs the
function by CID, fetched from it (it must listen there: \`inferbase serve --listen-api 0.0.0.0:6000\`):

\`\`\`sh
inferbase exec CID --gateways http://ADDRESS_OF_THIS_MACHINE:6000 --env ALLORA_ARG_PARAMS=ETH
\`\`\`

## Containers

\`\`\`sh
docker build -t inferbase PATH_TO_A_CLONE_OF_INFERBASE
inferbase build && docker compose up --build
\`\`\`

starts ${python ? '' : 'the model server, '}a head that answers on port 6000 and a worker, under the same identities. Elsewhere only the worker is needed:
push its image, and name the head's multiaddr in INFERBASE_PEERS_CONNECT and the topics in INFERBASE_WORK_TOPICS.
These files are a start, not the finished product: change them as you like, nothing writes them again.
`;
  return text;
}

const MODEL_FILES = `| \`model-server/server.mjs\` | a stand-in for your model server |
`;

const PYTHON_FILES = `| \`main.py\` | predicts; the node runs it as \`cgi-allora-infer\` with this machine's python3 |
`;
