export const DOCKER_IGNORE = `node_modules
nodes
.inferbase
.env
.git
`;

/** The worker's image: ours with the function in it. */
export function dockerfile(name: string, python: boolean): string {
  const base = `# The image of this worker: inferbase with the function in it. Once, in a clone of inferbase: docker build -t inferbase .
# Then here: inferbase build && docker build -t ${name} .
FROM inferbase
COPY build/${name}/ /functions/${name}/
# Settings; what the environment says wins. Secrets belong there, not into an image.
COPY inferbase.yaml /app/inferbase.yaml
ENV INFERBASE_CONFIG=/app/inferbase.yaml
`;
  return python ? `${base}${PYTHON}` : base;
}

const PYTHON = `USER 0
RUN apt-get update && apt-get install --yes --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
# FILL IN: the packages that main.py imports.
COPY main.py /app/main.py
ENV INFERBASE_EXTENSIONS_ALLORA_SCRIPT=/app/main.py
USER appuser
`;

/**
 * Two nodes on one machine: what stands for head and worker until nodes have these roles. The second has no copy of the
 * function and fetches it by CID from the first.
 */
export function composeFile(name: string, python: boolean): string {
  const waits = python ? '' : '    depends_on:\n      model: { condition: service_healthy }\n';
  const upstream = python ? '' : '      INFERBASE_UPSTREAMS_MODEL_URL: http://model:8000\n';
  return `# Two nodes on this machine: docker compose up --build, after inferbase build.
# head has the function and answers on port 6000; worker fetches it by CID from head and answers on port 6001.
services:
${python ? '' : MODEL_SERVICE}  head:
    build: .
    image: ${name}
    user: \${NODE_USER:-1000:1000}
${waits}${python ? '' : `    environment:\n${upstream}`}    volumes: ["./nodes/head/.inferbase:/data"]
    ports: ["127.0.0.1:6000:6000"]

  worker:
    image: ${python ? name : 'inferbase'}
    user: \${NODE_USER:-1000:1000}
    depends_on:
      head: { condition: service_healthy }
    environment:
${upstream}${python ? '      INFERBASE_FUNCTIONS_DIR: /app   # no copy of the function\n' : ''}      INFERBASE_GATEWAYS: http://head:6000
    volumes: ["./nodes/worker/.inferbase:/data"]
    ports: ["127.0.0.1:6001:6000"]
`;
}

const MODEL_SERVICE = `  model:
    image: node:26-bookworm-slim
    command: [node, /model-server/server.mjs]
    environment: { HOST: 0.0.0.0, PORT: "8000" }
    volumes: ["./model-server:/model-server:ro"]
    healthcheck:
      test: [CMD, node, -e, "fetch('http://127.0.0.1:8000/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
      interval: 5s
      start_period: 5s

`;
