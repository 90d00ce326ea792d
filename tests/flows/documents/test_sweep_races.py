"""The sweep beside writers: no row is ever left without its document.

With no grace at all, so that every document is swept as soon as nothing refers to it.
"""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from django.db import connection, transaction

from flows.content import canonical
from flows.documents.check import DamagedDocument, check_documents
from flows.documents.sweep import sweep_documents
from flows.models import Flow
from flows.saves import named_saves
from imports.database.one_state import read_one_state
from tests.support.factories import FlowFactory

pytestmark = pytest.mark.django_db(transaction=True)

CONTENTS = [canonical.encode([{"id": str(number)}]) for number in range(300)]


def write(pk: int, chance: random.Random, stop: Event) -> None:
    """Write one of few contents into a row, save it by name, restore a save, and so on."""
    try:
        while not stop.is_set():
            with transaction.atomic():
                flow = Flow.objects.select_for_update().get(pk=pk)
                write_once(flow, chance)
            stop.wait(0.02)
    finally:
        connection.close()


def write_once(flow: Flow, chance: random.Random) -> None:
    match chance.randrange(4):
        case 0:
            flow.nodes = chance.choice(CONTENTS)
            flow.save()
        case 1:
            Flow.objects.filter(pk=flow.pk).update(nodes=chance.choice(CONTENTS))
        case 2:
            named_saves.take_rows(Flow, [flow.pk], "a save")
            flow.edges = chance.choice(CONTENTS)
            flow.save()
        case _:
            if saves := named_saves.list_saves(flow):
                named_saves.restore(saves[0])
                for save in saves:
                    save.revision.delete()


def read_damaged() -> tuple[DamagedDocument, ...]:
    """What is damaged in one state of the database."""
    with read_one_state():
        return check_documents(Flow, "default").damaged


def test_no_reference_is_ever_without_its_document():
    stop = Event()
    pks = [FlowFactory().pk for _ in range(3)]
    with ThreadPoolExecutor(len(pks)) as pool:
        writers = [pool.submit(write, pk, random.Random(pk), stop) for pk in pks]
        swept, until = 0, time.monotonic() + 20
        try:
            while swept < 30 and time.monotonic() < until:
                swept += sweep_documents(Flow, "default", grace=timedelta(0))
                assert read_damaged() == ()
        finally:
            stop.set()
        for writer in writers:
            writer.result()
    assert swept >= 30
    assert read_damaged() == ()
