"""How `gunicorn -c deploy/gunicorn.conf.py` serves, behind a proxy such as deploy/nginx.conf.

By itself it is stopped by as many slow clients as it has threads: only a proxy takes requests in
whole before a thread sees them. Every value can be set in the environment.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from flows.garbage import give_memory_back, read_resident_bytes
from flows.web.metrics_directory import remove_counts_of_the_gone
from ziggy_site.environment import Environment

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a worker's heartbeat, and never on a slow disk
_OWN_DIRECTORY = "ziggy-metrics-of-gunicorn-"
_MUCH = 32 * 1024 * 1024

env = Environment()

wsgi_app = "ziggy_site.wsgi"
bind = env.read("ZIGGY_BIND")
workers = env.read("ZIGGY_WORKERS")
threads = env.read("ZIGGY_THREADS")
worker_class = "gthread"

# With threads this is the time without a sign of life of the whole worker, not of one request: an
# import may take longer.
timeout = env.read("ZIGGY_WORKER_TIMEOUT")
# So long a worker that is told to stop lets its requests end. An import that is cut off then has
# changed nothing.
graceful_timeout = env.read("ZIGGY_GRACEFUL_TIMEOUT")
keepalive = env.read("ZIGGY_KEEPALIVE")  # to the proxy, whose own is shorter

# As nginx has them: what is longer is answered by 400.
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190

# Never: a worker that has had its number is stopped within graceful_timeout, in the middle of an
# import that takes longer.
max_requests = 0

# Nobody manages it by a socket: a file system that is read-only has no place for one.
control_socket_disable = True

if _SHARED_MEMORY.is_dir():
    worker_tmp_dir = str(_SHARED_MEMORY)


if env.read("ZIGGY_LOG_FORMAT") == "json":
    # gunicorn's own lines are objects, too.
    logconfig_dict = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "ziggy_site.json_logs.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "loggers": {
            "gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False},
            # Its lines have addresses, in which there may be names: the site logs each request.
            "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": False},
        },
        "root": {"level": "WARNING", "handlers": ["stderr"]},
    }

_counts = env.read("ZIGGY_METRICS")
if _counts and not env.read("PROMETHEUS_MULTIPROC_DIR"):
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(
        prefix=_OWN_DIRECTORY, dir=_SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
    )


def on_starting(_server: Any) -> None:
    """Remove what processes have counted that do not run any more, before the first one counts."""
    if _counts:
        remove_counts_of_the_gone(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))


def on_exit(_server: Any) -> None:
    """Remove the directory of counts, where it is this gunicorn's own."""
    directory = Path(env.read("PROMETHEUS_MULTIPROC_DIR"))
    if directory.name.startswith(_OWN_DIRECTORY):  # a reload reads this file once more
        shutil.rmtree(directory)


def pre_request(worker: Any, _request: Any) -> None:
    """Note how much memory the worker occupies before its first request."""
    if not hasattr(worker, "resident_bytes"):
        worker.resident_bytes = read_resident_bytes()


def post_request(worker: Any, _request: Any, _environ: Any, _response: Any) -> None:
    """Give back what large imports, exports and uploads have left unused.

    Without this a worker stays as large as its largest request made it: settings of the allocator
    (MALLOC_TRIM_THRESHOLD_, MALLOC_ARENA_MAX) change that little, for the free memory is in pieces.
    """
    if read_resident_bytes() - worker.resident_bytes > _MUCH:
        give_memory_back()
        worker.resident_bytes = read_resident_bytes()
