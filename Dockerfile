# The image of the service and of its workers: compose.yaml runs it, behind nginx.
# tests/deployment/test_image.py runs these commands on a plain directory tree.

FROM python:3.11-slim-bookworm AS build
WORKDIR /srv/ziggy
COPY requirements-server.txt ./
# Wheels alone: nothing is compiled, in this stage either.
RUN python -m venv /opt/ziggy \
    && /opt/ziggy/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-server.txt

FROM python:3.11-slim-bookworm
# pg_dump and pg_restore, of the server's own release, and nothing that compiles.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-15 \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 ziggy \
    && useradd --uid 10001 --gid ziggy --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ziggy
COPY --from=build /opt/ziggy /opt/ziggy
WORKDIR /srv/ziggy
COPY manage.py ./
COPY accounts ./accounts
COPY flows ./flows
COPY imports ./imports
COPY ziggy_site ./ziggy_site
COPY deploy ./deploy
ENV PATH=/opt/ziggy/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DEBUG=0 \
    ZIGGY_BACKUP_DIR=/var/lib/ziggy/backups
# Both keys are of this command alone: static files need none.
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
    ZIGGY_ENCRYPTION_KEYS="$(python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')" \
    python manage.py collectstatic --no-input --verbosity 0 \
    && python -m compileall -q /srv/ziggy
# A new volume takes over whose directory this is.
RUN mkdir -p /var/lib/ziggy/backups \
    && chown -R ziggy:ziggy /var/lib/ziggy
USER 10001:10001
VOLUME /var/lib/ziggy/backups
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "deploy/healthcheck.py"]
CMD ["gunicorn", "-c", "deploy/gunicorn.conf.py"]
