"""How `gunicorn -c deploy/gunicorn.conf.py` serves, behind a proxy such as deploy/nginx.conf.

By itself it is stopped by as many slow clients as it has threads: only a proxy takes requests in
whole before a thread sees them. Every value can be set in the environment.
"""

import os
from pathlib import Path
from typing import Any

from flows.garbage import give_memory_back, read_resident_bytes

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a worker's heartbeat, and never on a slow disk
_MUCH = 32 * 1024 * 1024

wsgi_app = "ziggy_site.wsgi"
bind = os.environ.get("ZIGGY_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("ZIGGY_WORKERS", "2"))
threads = int(os.environ.get("ZIGGY_THREADS", "8"))
worker_class = "gthread"

# With threads this is the time without a sign of life of the whole worker, not of one request: an
# import may take longer.
timeout = int(os.environ.get("ZIGGY_WORKER_TIMEOUT", "60"))
# So long a worker that is told to stop lets its requests end. An import that is cut off then has
# changed nothing.
graceful_timeout = int(os.environ.get("ZIGGY_GRACEFUL_TIMEOUT", "120"))
keepalive = int(os.environ.get("ZIGGY_KEEPALIVE", "75"))  # to the proxy, whose own is shorter

# As nginx has them: what is longer is answered by 400.
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190

# Never: a worker that has had its number is stopped within graceful_timeout, in the middle of an
# import that takes longer.
max_requests = 0

if _SHARED_MEMORY.is_dir():
    worker_tmp_dir = str(_SHARED_MEMORY)


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
