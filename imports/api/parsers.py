"""The parsers of the API. Separate from `errors`, which imports DRF's views, which load this."""

from typing import IO, Any

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from imports.errors import Issue, make_json_path
from imports.exportfile.json_problems import JSONProblem
from imports.exportfile.strict_json import read_value


class NotStrictJSON(ParseError):  # noqa: N818 - the name says what happened
    """The body is not strict JSON; `issue` is why, with the path."""

    def __init__(self, issue: Issue) -> None:
        super().__init__(issue.message, code=issue.code)
        self.issue = issue


class StrictJSONParser(JSONParser):
    """Parses JSON by the rules for an import's file, so that all doors have the same.

    Being a JSONParser, it is given a body that Django has read up to DATA_UPLOAD_MAX_MEMORY_SIZE.
    """

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None
    ) -> Any:
        try:
            return read_value(msgspec.Raw(stream.read()))
        except UnicodeDecodeError:
            raise NotStrictJSON(
                Issue(code="invalid-encoding", message="The body is not UTF-8.")
            ) from None
        except JSONProblem as problem:
            raise NotStrictJSON(
                Issue(
                    code=problem.code,
                    message=problem.format_message("The body"),
                    path=make_json_path(*problem.path),
                )
            ) from None
