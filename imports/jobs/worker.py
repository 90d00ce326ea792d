"""The worker: a process that carries out jobs, one at a time, until it is told to stop.

The worker is procrastinate's. Beside it, threads sweep, and start the drill. Told to stop by
SIGTERM or Ctrl-C, it finishes the run that is under way and takes no other; a second signal kills
it, which is safe.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from procrastinate import App, RetryStrategy
from procrastinate.contrib.django import DjangoApp
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.signals import on_stop

from flows.garbage import give_memory_back
from imports.database.errors import format_for_log
from imports.jobs.drills import DrillProcess
from imports.jobs.exports.building import run_export
from imports.jobs.planning.carrying_out import run_planning
from imports.jobs.queue import EXPORT_TASK, PLANNING_TASK, QUEUE, TASK
from imports.jobs.running import TryLater, run_job
from imports.jobs.sweep.service import clean_up, sweep

logger = logging.getLogger(__name__)

_LATER = 2
"""Seconds after which a job is tried again that found the import lock held."""
_SWEEP = 5
_CLEAN_UP = 3600
_DRILL = 60
_POLL = 5
_AGAIN = 2
"""Seconds after which a worker whose connections were cut begins anew."""
_HEARTBEAT = 5


def work(*, once: bool = False) -> None:
    """Carry out jobs until the process is told to stop; with `once`, until none is left."""
    if once:
        sweep()
    asyncio.run(_work(once=once))
    if once:
        sweep()


async def _work(*, once: bool) -> None:
    tasks = [
        asyncio.create_task(_repeat(sweep, _SWEEP)),
        asyncio.create_task(_repeat(clean_up, _CLEAN_UP)),
    ]
    drill = DrillProcess()
    if not once:
        tasks.append(asyncio.create_task(_repeat(drill.step, _DRILL)))
    stop = asyncio.Event()
    try:
        # Here, as procrastinate's worker forgets that it was told to when its connections are cut.
        with on_stop(stop.set):
            await _supervise(stop, once=once)
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        drill.stop()


async def _supervise(stop: asyncio.Event, *, once: bool) -> None:
    """Run procrastinate's worker until `stop`, also after its connections were cut."""
    while not stop.is_set():
        running = asyncio.create_task(_run_worker(once=once))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if stop.is_set():
            running.cancel()  # it ends after the job that is under way
        try:
            await running
        except asyncio.CancelledError:
            return
        except ConnectorException as error:
            logger.warning("The worker lost its database: %s", type(error).__name__)
            if once:
                raise
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _AGAIN)
        else:
            return


async def _run_worker(*, once: bool) -> None:
    app = _make_app()
    async with app.open_async():
        await app.run_worker_async(
            queues=[QUEUE],
            wait=not once,
            install_signal_handlers=False,
            update_heartbeat_interval=_HEARTBEAT,
            fetch_job_polling_interval=_POLL,
        )


def _make_app() -> App:
    kwargs = connector_params(DEFAULT_DB_ALIAS)
    app = DjangoApp(connector=PsycopgConnector(kwargs=kwargs, min_size=1, max_size=3))
    later = RetryStrategy(wait=_LATER, retry_exceptions=[TryLater])
    app.task(name=TASK, retry=later)(_make_task(run_job))
    app.task(name=EXPORT_TASK)(_make_task(run_export))
    app.task(name=PLANNING_TASK)(_make_task(run_planning))
    return app


def _make_task(carry_out: Callable[[int], None]) -> Callable[[int], None]:
    def task(number: int) -> None:
        try:
            carry_out(number)
        finally:
            connections.close_all()  # the next job finds none that was cut meanwhile
        give_memory_back()

    return task


async def _repeat(step: Callable[[], None], seconds: float) -> None:
    """Call the step now and again, in a thread: what stops it once is tried once more."""
    while True:
        await asyncio.to_thread(_call, step)
        await asyncio.sleep(seconds)


def _call(step: Callable[[], None]) -> None:
    try:
        step()
    except DatabaseError as error:
        logger.warning("The sweep did not end: %s", format_for_log(error))
    except Exception as error:  # noqa: BLE001 - no fault may end sweeping, and dead runs stay
        logger.error("The sweep did not end: %s", type(error).__name__)  # noqa: TRY400 - no content
    finally:
        connections.close_all()
