"""The parser of the API."""

from typing import IO, Any

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from flows.rest.requests.refusals import Problem
from flows.strict_json.problems import JSONProblem
from flows.strict_json.read import read_value
from flows.texts import make_json_path


class NotStrictJSON(ParseError):  # noqa: N818 - the name says what happened
    """The body is not strict JSON; `problem` is why, with the path."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message, code=problem.code)
        self.problem = problem


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
                Problem(code="invalid-encoding", message="The body is not UTF-8.")
            ) from None
        except JSONProblem as problem:
            raise NotStrictJSON(
                Problem(
                    code=problem.code,
                    message=problem.format_message("The body"),
                    path=make_json_path(*problem.path),
                )
            ) from None
