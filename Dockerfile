# Lautern: one image, the role is the command (gateway, api, simulate …).
FROM python:3.11.14-slim-bookworm AS build
COPY requirements/run.lock /build/run.lock
RUN python -m venv /opt/lautern \
 && /opt/lautern/bin/pip install --no-cache-dir --no-deps --only-binary=:all: --require-hashes -r /build/run.lock \
 && /opt/lautern/bin/pip uninstall --yes pip setuptools \
 && python -m compileall -q /opt/lautern/lib
COPY . /app
RUN python -m compileall -q /app

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="Lautern" \
      org.opencontainers.image.description="Device backend of a city" \
      org.opencontainers.image.licenses="EUPL-1.2"
RUN groupadd --gid 10001 lautern \
 && useradd --uid 10001 --gid lautern --no-create-home --home-dir /data --shell /usr/sbin/nologin lautern \
 && install -d -o lautern -g lautern -m 0700 /data \
 && install -d -o lautern -g lautern -m 0750 /broker \
 && install -d -o lautern -g lautern -m 0700 /simulators /tokens /tokens/gateway /tokens/api \
 && printf '#!/bin/sh\nexec /opt/lautern/bin/python -m cli "$@"\n' > /usr/local/bin/lautern \
 && chmod 0755 /usr/local/bin/lautern
COPY --from=build /opt/lautern /opt/lautern
COPY --from=build /app /app
ENV PATH="/opt/lautern/bin:$PATH" PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LAUTERN_DATA_DIR=/data
WORKDIR /app
USER lautern
VOLUME /data
EXPOSE 8000 9464
STOPSIGNAL SIGTERM
ENTRYPOINT ["lautern"]
CMD ["api"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-m", "runtime.probe", "http://127.0.0.1:8000/healthz"]
