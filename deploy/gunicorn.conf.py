"""How `gunicorn -c deploy/gunicorn.conf.py` serves, behind a proxy such as deploy/nginx.conf.

By itself it is stopped by as many slow clients as it has threads: only a proxy takes requests in
whole before a thread sees them. Every value can be set in the environment.
"""

from pathlib import Path
from typing import Any

from flows.garbage import give_memory_back, read_resident_bytes
from ziggy_site.environment import Environment

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a worker's heartbeat, and never on a slow disk
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
