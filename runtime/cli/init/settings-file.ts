/** `inferbase.yaml` of a new project: what the function is, and the settings of nodes started in its folder. */
export function settingsFile(name: string, python: boolean): string {
  return `# What belongs to the function: inferbase build packs it.
function:
  name: ${name}
  description: ""            # FILL IN: one line on what it predicts
  contentType: json
  # URLs it asks for beside named upstreams; [] is none. Operators can only allow less.
  permissions: []
  limits:
    deadlineMs: 10000
    memoryPages: 64
  # Files and folders that go into the package, such as weights; the function finds them under /.
  files: []

# Settings of nodes started in this folder: inferbase run, serve, exec, pin. inferbase serve --help lists them all.
functionsDir: build          # what is served from the start
${python ? PYTHON_SETTINGS : MODEL_SETTINGS}
# Topics that the worker of inferbase run serves.
work:
  topics: ["1"]              # FILL IN: those of the chain that your model predicts

# Where functions of others come from, by CID.
gateways: []                 # FILL IN: such as https://trustless-gateway.link
`;
}

const MODEL_SETTINGS = `upstreams:
  model:
    url: http://127.0.0.1:8000   # FILL IN: your model server; the function sees it as http://model/
    headers: {}                  # such as { authorization: Bearer … }: the function never sees them. In an image rather
                                 # set INFERBASE_UPSTREAMS_MODEL_HEADERS, as JSON, when it is started
    timeoutMs: 5000
`;

const PYTHON_SETTINGS = `extensions:
  allora:
    script: main.py          # cgi-allora-infer runs it with python3
    argvOrder: v0.1.4        # main.py TOPIC ARGUMENT
`;
