# The hub's image: every service of docker-compose.yml that is not somebody else's.
#
#   docker build -t kotahub .
#
# The base is an argument, so that a city can take it from a registry of its own:
#   docker build --build-arg PYTHON_IMAGE=registry.city.example/python:3.11-slim-bookworm .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
RUN python -m venv /opt/kotahub
ENV PATH=/opt/kotahub/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_INPUT=1
COPY requirements.txt ./
# Wheels only and each by its hash: nothing is compiled, nothing unexpected gets in.
RUN pip install --quiet --require-hashes --only-binary :all: -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY devices ./devices
COPY ingest ./ingest
COPY dashboards ./dashboards
COPY gateway ./gateway
COPY mosquitto ./mosquitto
# What only builds or installs the package does not go into the image.
RUN pip install --quiet --no-build-isolation --no-deps . \
    && pip uninstall --quiet --yes \
        hatchling editables packaging pathspec pluggy trove-classifiers setuptools pip \
    && python -m compileall -q /opt/kotahub/lib

FROM ${PYTHON_IMAGE}
# 1883 is Mosquitto's user in eclipse-mosquitto: hub and broker share the broker's folder. Volumes
# take their owner from these folders when they are new.
RUN groupadd --gid 1883 kotahub \
    && useradd --uid 1883 --gid 1883 --no-create-home --home-dir /var/lib/kotahub \
        --shell /usr/sbin/nologin kotahub \
    && for folder in /secrets /secrets/hub /secrets/dashboards /secrets/postgres \
        /secrets/influxdb /secrets/grafana /broker /tls /backups /var/lib/kotahub; do \
        install --directory --owner=1883 --group=1883 --mode=0755 "$folder"; done \
    && chmod 0700 /broker /backups /secrets/hub /secrets/dashboards /var/lib/kotahub \
    && openssl version >/dev/null
COPY --from=build /opt/kotahub /opt/kotahub
ENV PATH=/opt/kotahub/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    KOTAHUB_DATA_DIR=/var/lib/kotahub \
    KOTAHUB_HTTP_BIND=0.0.0.0:8080
USER 1883:1883
WORKDIR /var/lib/kotahub
EXPOSE 8080
HEALTHCHECK --interval=20s --timeout=15s --start-period=60s --retries=3 \
    CMD ["kotahub", "health"]
ENTRYPOINT ["kotahub"]
CMD ["run"]
