# The image of connect-medic: the TypeScript sources as they are, production dependencies, nothing that builds.
#
#   docker build --build-arg NODE_TAG=24.21.0-bookworm-slim -t connect-medic .
#   docker run -d --read-only --cap-drop ALL -p 127.0.0.1:9099:9099 -v "$PWD/connect-medic.yml":/etc/connect-medic/connect-medic.yml:ro connect-medic
#   docker run --rm -v "$PWD/connect-medic.yml":/etc/connect-medic/connect-medic.yml:ro connect-medic --check
#
# The tag of the base image. Deployments name the exact version, as docker-compose.yml does; a digest goes here as well:
# --build-arg NODE_TAG=24.21.0-bookworm-slim@sha256:…
ARG NODE_TAG=24-bookworm-slim

FROM docker.io/library/node:${NODE_TAG} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# No script of a dependency runs. Types, source maps and prose are of no use to a running service; licences stay.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier \
 && find node_modules -type f \( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' \) -delete \
 && find node_modules -type f -name '*.md' ! -iname 'licen[cs]e*' -delete \
 && rm -f node_modules/.package-lock.json

FROM docker.io/library/node:${NODE_TAG}
# Types are stripped by Node itself, which older ones cannot; and what installs packages has no place in a running container.
RUN node -e 'if (Number(process.versions.node.split(".")[0]) < 24) throw new Error("Node 24 or newer is needed")' \
 && rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
           /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-* \
 && mkdir -p /etc/connect-medic /var/lib/connect-medic \
 && chown 1000:1000 /var/lib/connect-medic
COPY --from=dependencies /app/node_modules /app/node_modules
COPY package.json LICENSE /app/
COPY rules/diagnosis.yml /app/rules/diagnosis.yml
COPY deploy/image/healthcheck.ts /app/deploy/image/healthcheck.ts
COPY src /app/src

LABEL org.opencontainers.image.title=connect-medic \
      org.opencontainers.image.description="Restarts failed Kafka Connect connectors and tasks, driven by Prometheus alerts" \
      org.opencontainers.image.licenses=Apache-2.0
# sqlite:./connect-medic.db, the default ledger, lands here. The root file system can be read-only.
VOLUME /var/lib/connect-medic
WORKDIR /var/lib/connect-medic
ENV CONNECT_MEDIC_CONFIG=/etc/connect-medic/connect-medic.yml
EXPOSE 9099
# By number, so that Kubernetes can see that it is not root.
USER 1000:1000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 CMD ["node", "/app/deploy/image/healthcheck.ts"]
# No shell in between: signals reach the service.
ENTRYPOINT ["node", "/app/src/main.ts"]
