"""Stored rows for tests. Sequences are deterministic: a row's number shows in its name and uuid."""

from uuid import UUID

import factory

from flows.models import Connection, Flow, Secret


def _uuid(kind: int, number: int) -> UUID:
    return UUID(f"{kind:08x}-0000-4000-8000-{number:012x}")


class FlowFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Flow

    uuid = factory.Sequence(lambda number: _uuid(0xF, number))
    name = factory.Sequence(lambda number: f"Flow {number}")


class ConnectionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Connection

    uuid = factory.Sequence(lambda number: _uuid(0xC, number))
    name = factory.Sequence(lambda number: f"Connection {number}")
    type = "Twilio"


class SecretFactory(factory.django.DjangoModelFactory):
    """Without a value; give `dev_value="..."` for one."""

    class Meta:
        model = Secret

    uuid = factory.Sequence(lambda number: _uuid(0x5, number))
    name = factory.Sequence(lambda number: f"SECRET_{number}")
