"""Run the whole deployment in a folder until it is told to stop: for measurements, and by hand.

    python -m tests.deployment.serve FOLDER [--workers 2] [ZIGGY_WORKERS=4 ...]

gunicorn, workers, PostgreSQL and nginx run as compose.yaml says, from the image that the Dockerfile
makes, on free ports of 127.0.0.1. When all of them run, standard output has one JSON object: the
addresses, the account, the database and the processes. What they log is in FOLDER/output.log.
SIGTERM or Ctrl-C stops them; workers that end meanwhile are started again.
"""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from tests.support.composed import Deployment
from tests.support.deployment import HOST, PASSWORD, log_in
from tests.support.image import build


def main() -> None:
    """Run the deployment that the command line describes."""
    arguments, ended = _read_arguments(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    arguments.folder.mkdir(parents=True, exist_ok=True)
    stage = build(arguments.folder / "image")[-1]
    variables = dict(each.split("=", 1) for each in arguments.variables)
    deployment = Deployment(arguments.folder, stage, variables)
    with deployment.run(workers=arguments.workers, durable=True):
        sys.stdout.write(f"{json.dumps(describe(deployment), indent=2)}\n")
        sys.stdout.flush()
        while not ended.wait(1):
            deployment.start_ended_workers_again()


def describe(deployment: Deployment) -> dict[str, Any]:
    """Return what a program needs in order to use and to measure the deployment."""
    ports = deployment.ports
    return {
        "url": f"https://127.0.0.1:{ports.https}",
        "host": HOST,
        "gunicorn": f"http://127.0.0.1:{ports.gunicorn}",
        "ports": vars(ports),
        "account": {"username": "ada", "password": PASSWORD},
        "token": log_in(deployment),
        "metricsToken": (deployment.secrets / "metrics_token").read_text().strip(),
        "databaseUrl": deployment.database_url,
        "backups": deployment.environments["web"]["ZIGGY_BACKUP_DIR"],
        "log": str(deployment.log),
        "certificate": str(deployment.folder / "ziggy.pem"),
        "pids": {
            "gunicorn": deployment.process.pid,
            "nginx": deployment.nginx.pid,
            "workers": [worker.pid for worker in deployment.workers],
        },
    }


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("folder", type=lambda text: Path(text).resolve())
    parser.add_argument("variables", nargs="*", metavar="NAME=VALUE", help="of the services")
    parser.add_argument("--workers", type=int, help="how many, in place of the file's number")
    return parser.parse_args()


if __name__ == "__main__":
    main()
