"""Give many secrets of a record's checklist their first values: all that a text names, or none."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from flows.models import Secret
from flows.secrets.values import FirstValue, NotAllEmptyError, fill_secrets
from flows.servers import get_current_database
from flows.users import User
from imports.filling.pasted import (
    LineProblem,
    Pasted,
    PastedValue,
    ProblemCode,
    ValueEnvironment,
    read_pasted,
)
from imports.models import ImportRecord
from imports.permissions import VIEW_RECORDS, check_permission
from imports.records.checklist import read_secret_uuids

CHANGE_SECRET = "flows.change_secret"  # noqa: S105 - the word, not a value


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledSecrets:
    """What a pasted text gave values to."""

    secrets: tuple[Secret, ...]
    given: tuple[tuple[bool, bool], ...]
    """For each, whether a development and whether a production value was given."""
    names_without_value: int


class PastedRefused(Exception):  # noqa: N818 - the name says what happened
    """Lines of the text are wrong, and nothing was stored; `problems` are all, by line."""

    def __init__(self, problems: tuple[LineProblem, ...]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


@sensitive_variables()
def fill_pasted(
    record: ImportRecord,
    text: str,
    environment: ValueEnvironment,
    *,
    user: User | None,
    user_name: str,
    shown: str,
) -> FilledSecrets:
    """Set the values in a pasted text, in one transaction; return what was given a value.

    `shown` is the tag of where the record's secrets are sent, as `read_used_secrets` had it when
    that was shown to the user. Raises NotPermitted, PastedRefused with the problems of all lines,
    and GoesElsewhereError where a value would be sent elsewhere than was shown.
    """
    check_permission(user, VIEW_RECORDS, CHANGE_SECRET)
    pasted = read_pasted(text, environment)
    with transaction.atomic(using=get_current_database()):
        uuids = read_secret_uuids(record)
        _check_names(pasted, uuids)
        lines = {uuids[value.name]: value for value in pasted.values}
        try:
            secrets = fill_secrets(
                [_make_first_value(uuid, value) for uuid, value in lines.items()],
                user_name=user_name,
                shown=shown,
                shown_names=list(uuids),
            )
        except NotAllEmptyError as error:
            raise PastedRefused(tuple(_explain_rows(error, lines))) from None
    return FilledSecrets(
        secrets=tuple(secrets),
        given=tuple((bool(each.dev_value), bool(each.prod_value)) for each in pasted.values),
        names_without_value=pasted.names_without_value,
    )


def _check_names(pasted: Pasted, uuids: Mapping[str, UUID]) -> None:
    """Raise PastedRefused unless every line is right, and of a secret of the checklist."""
    problems = [*pasted.problems]
    problems += [
        _make_row_problem(value, ProblemCode.NOT_LISTED)
        for value in pasted.values
        if value.name not in uuids
    ]
    if not problems and not pasted.values:
        message = "There is no value in it. Nothing was stored."
        problems.append(LineProblem(line=0, code=ProblemCode.NO_VALUES, message=message))
    if problems:
        raise PastedRefused(tuple(sorted(problems, key=lambda each: each.line)))


def _explain_rows(
    error: NotAllEmptyError, lines: Mapping[UUID, PastedValue]
) -> Iterator[LineProblem]:
    for uuid, value in lines.items():
        if uuid in error.valued:
            yield _make_row_problem(value, ProblemCode.HAS_VALUE)
        elif uuid in error.gone:
            yield _make_row_problem(value, ProblemCode.NOT_LISTED)


_ROW_PROBLEMS = {
    ProblemCode.NOT_LISTED: "This import has no secret of that name here.",
    ProblemCode.HAS_VALUE: (
        "Its secret has a value already, which stays as it is. Leave the line out."
    ),
}


def _make_row_problem(value: PastedValue, code: ProblemCode) -> LineProblem:
    return LineProblem(line=value.line, code=code, message=_ROW_PROBLEMS[code])


@sensitive_variables()
def _make_first_value(uuid: UUID, value: PastedValue) -> FirstValue:
    return FirstValue(uuid=uuid, dev_value=value.dev_value, prod_value=value.prod_value)
