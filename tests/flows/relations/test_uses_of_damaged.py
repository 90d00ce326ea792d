"""What uses an item is found without reading a stored document, of which any may be damaged."""

import pytest
import zstandard

from flows.content.fields import Kind
from flows.documents.models import StoredDocument
from flows.documents.packing import DamagedDocumentError
from flows.documents.read import group_rows
from flows.models import Flow
from flows.relations.uses import find_users_of_many
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory

pytestmark = pytest.mark.django_db


def damage_all():
    StoredDocument.objects.update(body=zstandard.ZstdCompressor().compress(b"[1]"))


def test_users_of_many_are_found_though_every_document_is_damaged():
    connection, secret = ConnectionFactory(), SecretFactory(name="TOKEN")
    named, called = FlowFactory(name="Called"), FlowFactory(name="Other")
    by_document = FlowFactory(
        name="By document",
        nodes=f'[{{"connectionUuid":"{str(connection.uuid).upper()}"}}]',
        edges=f'["secrets.TOKEN","{called.uuid}"]',
    )
    by_column = FlowFactory(name="By column", used_connections=f'["{connection.uuid}"]')
    wanted = {
        Kind.CONNECTION: {str(connection.uuid): connection.name},
        Kind.SECRET: {str(secret.uuid): "TOKEN"},
        Kind.FLOW: {str(named.uuid): named.name, str(called.uuid): called.name},
    }
    damage_all()
    assert {name: (kind, uuid, used) for kind, uuid, name, used in find_users_of_many(wanted)} == {
        "By document": (
            Kind.FLOW,
            str(by_document.uuid),
            [
                (Kind.FLOW, str(called.uuid)),
                (Kind.CONNECTION, str(connection.uuid)),
                (Kind.SECRET, str(secret.uuid)),
            ],
        ),
        "By column": (
            Kind.FLOW,
            str(by_column.uuid),
            [(Kind.CONNECTION, str(connection.uuid))],
        ),
    }


def read_all(rows):
    return [nodes.text for (nodes,) in rows]


def test_an_error_while_rows_are_read_leaves_no_open_cursor():
    for number in range(3):
        FlowFactory(nodes=f"[{number}]")
    damage_all()
    rows = Flow.objects.values_list("nodes").iterator(chunk_size=1)
    with pytest.raises(DamagedDocumentError):
        read_all(group_rows(rows, size=1))
    assert rows.gi_frame is None  # it has ended, with its cursor
