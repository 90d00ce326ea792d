"""End with 0 where the service of this container answers `/live`: the health check of the image."""

import os
import sys
from http import HTTPStatus
from http.client import HTTPConnection
from urllib.parse import urlsplit

_SECONDS = 4


def check_service() -> None:
    """End the process with 1 and a reason where the service does not answer as it should."""
    bind = urlsplit(f"//{os.environ.get('ZIGGY_BIND', '127.0.0.1:8000')}")
    hosts = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")
    # As the proxy asks, so that nothing is redirected.
    headers = {"Host": hosts[0].strip(), "X-Forwarded-Proto": "https"}
    connection = HTTPConnection("127.0.0.1", bind.port or 8000, timeout=_SECONDS)
    try:
        connection.request("GET", "/live", headers=headers)
        status = connection.getresponse().status
    except OSError as error:
        sys.exit(f"The service does not answer: {error}")
    if status != HTTPStatus.OK:
        sys.exit(f"The service answers /live with {status}.")


if __name__ == "__main__":
    check_service()
