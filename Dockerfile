# Runs WebAssembly inference functions by CID. Use it as it is, or as a base image: see deploy/README.md.
#   docker build -t inferbase . && docker run -p 6000:6000 -v inferbase-data:/data inferbase
# With Python, where `cgi-allora-infer` runs your /app/main.py:
#   docker build -t inferbase:python --target python .

ARG NODE_IMAGE=node:26-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# The base image brings Node, so the scripts that would fetch another one are not run.
RUN npm ci --ignore-scripts
COPY . .
# Builds and packs as for publishing (`prepack`); what is installed under image/ becomes the image's /usr, /data and
# /functions.
RUN npm pack && npm install --global --prefix image/usr/local inferbase-*.tgz && mkdir -p image/data image/functions

FROM ${NODE_IMAGE} AS plain
COPY --from=build /src/image/usr/local/ /usr/local/
COPY --from=build --chown=1000:1000 /src/image/data/ /data/
COPY --from=build --chown=1000:1000 /src/image/functions/ /functions/
ENV NODE_ENV=production \
    INFERBASE_LISTEN_API=0.0.0.0:6000 \
    INFERBASE_PEERS_LISTEN=/ip4/0.0.0.0/tcp/9011 \
    INFERBASE_DATA_DIR=/data \
    INFERBASE_FUNCTIONS_DIR=/functions
WORKDIR /data
# The `node` user of the base image, by number so that Kubernetes can tell it is not root.
USER 1000:1000
EXPOSE 6000 9011
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s CMD ["node", "-e", "require('http').get('http://127.0.0.1:6000/api/v1/health', (r) => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["inferbase"]
CMD ["serve"]

FROM plain AS python
USER 0:0
RUN apt-get update && apt-get install --yes --no-install-recommends python3 python3-pip && rm -rf /var/lib/apt/lists/*
# Where the extension looks first that a file of yours can be: /app/main.py.
ENV INFERBASE_EXTENSIONS_ALLORA_ENABLED=true
USER 1000:1000

# The last stage is what is built unless --target names another.
FROM plain
