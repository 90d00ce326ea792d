"""Parse the body of a request: strict JSON, of up to the size of an import's file."""

from collections.abc import Mapping
from http import HTTPStatus
from io import BytesIO
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from flows.conf import ziggy
from flows.content.depth import MAX_ITEM_DEPTH, is_deeper
from flows.rest.endpoint.parser import StrictJSONParser
from flows.rest.requests.refusals import Problem, Refused, make_invalid_refusal


class ItemParser(BaseParser):
    """Reads the body itself: Django would refuse one of over 2.5 MB, and flows are large."""

    media_type = "application/json"
    # Whether a problem includes its position: not in a secret, whose value may be what is wrong.
    tells_places = True

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the value of the body. Raises Refused, or the ParseError of StrictJSONParser."""
        body = _read(stream, parser_context)
        try:
            value = StrictJSONParser().parse(BytesIO(body), media_type, parser_context)
        except ParseError as error:
            if self.tells_places:
                raise
            message, code = str(error.detail), str(error.get_codes())
            raise Refused(HTTPStatus.BAD_REQUEST, code, message) from None
        if is_deeper(value, MAX_ITEM_DEPTH):
            message = f"An item may be nested at most {MAX_ITEM_DEPTH} deep."
            raise Refused(HTTPStatus.BAD_REQUEST, "too-deep", message)
        return value


class SecretParser(ItemParser):
    """Parses bodies that may contain a secret's value."""

    tells_places = False


def check_text(text: str, path: str) -> str:
    """Return a text from a request's address. Raises Refused where a file may not contain it."""
    if "\0" in text:
        message = "Text must not hold the character U+0000. Remove it."
        raise make_invalid_refusal([Problem(code="nul-character", message=message, path=path)])
    return text


def _read(stream: IO[Any], parser_context: Mapping[str, Any] | None) -> bytes:
    most = ziggy.MAX_IMPORT_BYTES
    meta = parser_context["request"].META if parser_context else {}
    announced = int(meta.get("CONTENT_LENGTH") or 0)
    body: bytes = b"" if announced > most else stream.read(most + 1)
    if max(announced, len(body)) > most:
        raise Refused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "too-large",
            f"The body is larger than the {most:,} bytes that this server takes.",
        )
    return body
