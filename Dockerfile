# One image for every process of the firm: `docker compose up` gives each agent a container of its own.
# docs/containers.md tells what is in it, and why.

FROM python:3.11-slim AS packages
WORKDIR /build
RUN python -m venv --without-pip /opt/venv
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
print(*project['dependencies'], *project['optional-dependencies']['demo'], sep='\n')" > requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m pip --disable-pip-version-check --python /opt/venv install -q -c constraints.txt -r requirements.txt \
    && find /opt/venv -type d \( -name tests -o -name test \) -path '*/site-packages/*' -prune -exec rm -rf {} +


FROM packages AS program
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv /opt/builder \
    && /opt/builder/bin/python -m pip --disable-pip-version-check install -q 'hatchling>=1.25'
COPY . .
# Dated alike: layers keep whole seconds only, and numba takes a kernel for changed whose source has another time.
RUN /opt/builder/bin/python -m pip wheel -q --no-deps --no-index --no-build-isolation -w /build/wheel . \
    && python -m pip --python /opt/venv install -q --no-deps --no-index --no-compile --target /opt/boardroom wheel/*.whl \
    && find /opt/boardroom -exec touch -h -d 2000-01-01T00:00:00Z {} + \
    && /opt/venv/bin/python -m compileall -q /opt/boardroom \
    && mkdir /opt/configs && cp configs/*.toml /opt/configs/


FROM program AS compiled
# Away from the sources: numba keeps kernels by the folder they are imported from.
WORKDIR /
ENV PYTHONPATH=/opt/boardroom \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CPU_NAME=generic \
    NUMBA_CACHE_DIR=/opt/kernels \
    XDG_CACHE_HOME=/opt/cache
RUN /opt/venv/bin/python -m research.warm --config /opt/configs \
    && /opt/venv/bin/python -c "from ops.supervision.kernel_cache import mark_warm; mark_warm()" \
    && /opt/venv/bin/python -m research.sessions --config /opt/configs


FROM python:3.11-slim
RUN groupadd --gid 10001 boardroom \
    && useradd --uid 10001 --gid 10001 --home-dir /firm --no-create-home --shell /usr/sbin/nologin boardroom
COPY --from=packages /opt/venv /opt/venv
COPY --from=compiled /opt/cache /opt/cache
COPY --from=compiled /opt/kernels /opt/kernels
COPY --from=program /opt/boardroom /opt/boardroom
COPY --from=program /opt/configs /opt/configs
COPY deploy/entry.sh /opt/entry.sh
# What volumes are mounted on: a new volume takes over the owner of the folder that it covers.
RUN python -c "import tomllib; print(*tomllib.load(open('/opt/configs/firm.toml', 'rb'))['agents'], 'ops', 'redis')" \
    | xargs -n 1 printf '/deal/%s\n' \
    | xargs install -d -o boardroom -g boardroom -m 700 /firm /ledger /deal
ENV PATH=/opt/venv/bin:/opt/boardroom/bin:$PATH \
    PYTHONPATH=/opt/boardroom \
    PYTHONUNBUFFERED=1 \
    NUMBA_CPU_NAME=generic \
    NUMBA_CACHE_DIR=/tmp/kernels \
    XDG_CACHE_HOME=/opt/cache \
    BOARDROOM_CONFIG=/opt/configs \
    BOARDROOM_RUN_DIR=/firm
USER 10001:10001
WORKDIR /firm
ENTRYPOINT ["/opt/entry.sh"]
CMD ["boardroom", "--help"]
