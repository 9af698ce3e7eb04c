import type { ProjectInit } from './project.ts';

export const DOCKER_IGNORE = `node_modules
nodes
.inferbase
.env
.git
`;

/** The worker's image: ours with the function in it. */
export function dockerfile({ name, python }: Pick<ProjectInit, 'name' | 'python'>): string {
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

/** A head and a worker on one machine: the head answers requests, the worker has the function and runs it. */
export function composeFile({ name, python, peerIds }: ProjectInit): string {
  const after = (role: string): string => `{ ${role}: { condition: service_healthy } }`;
  return `# A head and a worker on this machine: docker compose up --build, after inferbase build.
# The head answers on port 6000 and has the worker run what it is asked for; their identities are those of inferbase run.
services:
${python ? '' : MODEL_SERVICE}  head:
    image: inferbase
    user: \${NODE_USER:-1001:1001}
    environment:
      INFERBASE_ROLE: head
      INFERBASE_PEERS_ENABLED: "true"
      INFERBASE_PEERS_LISTEN: /ip4/0.0.0.0/tcp/9010
    volumes: ["./nodes/head/.inferbase:/data"]
    ports: ["127.0.0.1:6000:6000"]

  worker:
    build: .
    image: ${name}
    user: \${NODE_USER:-1001:1001}
    depends_on: ${python ? after('head') : '{ head: { condition: service_healthy }, model: { condition: service_healthy } }'}
    environment:
      INFERBASE_ROLE: worker
      INFERBASE_PEERS_ENABLED: "true"
      INFERBASE_PEERS_LISTEN: /ip4/0.0.0.0/tcp/9011
      # The head, by its identity; without this service, that of a head elsewhere.
      INFERBASE_PEERS_CONNECT: /dns4/head/tcp/9010/p2p/${peerIds.head}
      INFERBASE_WORK_TOPICS: "1"
${python ? '' : '      INFERBASE_UPSTREAMS_MODEL_URL: http://model:8000\n'}    volumes: ["./nodes/worker/.inferbase:/data"]
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
