"""Converters for the addresses of the API. Importing this module registers them."""

from uuid import UUID

from django.urls import register_converter

from flows.content.fields import Kind


class AnyCaseUUIDConverter:
    """A uuid in upper or lower case, as in files; Django's own takes lower case only."""

    regex = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> UUID:
        return UUID(value)

    def to_url(self, value: UUID | str) -> str:
        return str(value)


class AnyTextConverter:
    r"""A name: any text, also with slashes and line ends, which `path` does not match."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class KindConverter:
    """One of the kinds of item, by its word."""

    regex = "|".join(Kind)

    def to_python(self, value: str) -> Kind:
        return Kind(value)

    def to_url(self, value: str) -> str:
        return str(value)


register_converter(AnyCaseUUIDConverter, "anycase_uuid")
register_converter(AnyTextConverter, "anytext")
register_converter(KindConverter, "kind")
