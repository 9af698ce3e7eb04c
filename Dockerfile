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
# Builds and packs as for publishing (`prepack`); what is installed under image/ becomes the image's /usr, /app, /data and
# /functions.
RUN npm pack && npm install --global --prefix image/usr/local inferbase-*.tgz && mkdir -p image/data image/functions image/app/runtime/extensions

FROM ${NODE_IMAGE} AS plain
# What health checks of compose files use.
RUN apt-get update && apt-get install --yes --no-install-recommends curl && rm -rf /var/lib/apt/lists/*
# The user of the images of the Allora inference base, so that volumes they wrote stay readable and `USER appuser` works.
RUN groupadd --gid 1001 appuser && useradd --uid 1001 --gid 1001 --home-dir /app --no-create-home --shell /bin/bash appuser
COPY --from=build /src/image/usr/local/ /usr/local/
COPY --chmod=755 deploy/entrypoint.sh /usr/local/bin/inferbase-entrypoint
COPY deploy/health.mjs /usr/local/lib/inferbase-health.mjs
COPY --from=build --chown=1001:1001 /src/image/app/ /app/
COPY --from=build --chown=1001:1001 /src/image/data/ /data/
COPY --from=build --chown=1001:1001 /src/image/functions/ /functions/
ENV NODE_ENV=production \
    INFERBASE_LISTEN_API=0.0.0.0:6000 \
    INFERBASE_PEERS_LISTEN=/ip4/0.0.0.0/tcp/9011 \
    INFERBASE_DATA_DIR=/data \
    INFERBASE_FUNCTIONS_DIR=/functions
WORKDIR /data
# By number so that Kubernetes can tell it is not root.
USER 1001:1001
EXPOSE 6000 9010 9011
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s CMD ["node", "/usr/local/lib/inferbase-health.mjs"]
ENTRYPOINT ["inferbase-entrypoint"]
CMD ["serve"]

FROM plain AS python
USER 0:0
RUN apt-get update && apt-get install --yes --no-install-recommends python3 python3-pip python-is-python3 && rm -rf /var/lib/apt/lists/*
# Where the extension looks first that a file of yours can be: /app/main.py. Its packages are installed by plain `pip install`.
ENV INFERBASE_EXTENSIONS_ALLORA_ENABLED=true \
    PIP_BREAK_SYSTEM_PACKAGES=1
USER 1001:1001

# The last stage is what is built unless --target names another.
FROM plain
