"""Stored rows for tests. Sequences are deterministic: a row's number shows in its name and uuid."""

from typing import Any
from uuid import UUID

import factory

from flows.models import Connection, Flow, Secret
from tests.support.ordinary import ordinary_columns


def _uuid(kind: int, number: int) -> UUID:
    return UUID(f"{kind:08x}-0000-4000-8000-{number:012x}")


class _ItemFactory(factory.django.DjangoModelFactory):
    """What is not given of a flow's graph or of a connection's values is ordinary."""

    class Meta:
        abstract = True

    @classmethod
    def _adjust_kwargs(cls, **kwargs: Any) -> dict[str, Any]:
        return ordinary_columns(cls._meta.model.kind, kwargs)


class FlowFactory(_ItemFactory):
    class Meta:
        model = Flow

    uuid = factory.Sequence(lambda number: _uuid(0xF, number))
    name = factory.Sequence(lambda number: f"Flow {number}")


class ConnectionFactory(_ItemFactory):
    class Meta:
        model = Connection

    uuid = factory.Sequence(lambda number: _uuid(0xC, number))
    name = factory.Sequence(lambda number: f"Connection {number}")
    type = "Twilio"


class SecretFactory(_ItemFactory):
    """Without a value; give `dev_value="..."` for one."""

    class Meta:
        model = Secret

    uuid = factory.Sequence(lambda number: _uuid(0x5, number))
    name = factory.Sequence(lambda number: f"SECRET_{number}")


FACTORIES = {"flow": FlowFactory, "connection": ConnectionFactory, "secret": SecretFactory}
