"""The form of an import: an export file, options, and optionally a saved plan and decisions.

The plan and the decisions may each be sent as text or as a file.

Files are counted while they are received and kept in memory, as the import needs them as a whole.
Nothing is written to disk, and nothing from a form is used as a path.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from http import HTTPStatus
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDict
from rest_framework.parsers import BaseParser

from flows.conf import ziggy
from flows.counting import format_others
from flows.texts import make_printable, quote
from imports.api.form_words import read_boolean, read_codes, read_number
from imports.api.multipart import CountedStream, EveryNameParser
from imports.errors import Issue, UnableToImport
from imports.exportfile.size_limit import make_too_large_error
from imports.planfile.decisions import GivenDecision, read_decisions
from imports.planfile.file import read_plan
from imports.planfile.shape import SavedPlan
from imports.plans.plan import PRUNE_LIMIT as USUAL_LIMIT
from imports.plans.plan import Mode
from imports.uploads.uploaded_file import FileCollector, FilePart, get_longest_body

FILE = "file"
MODE = "duplicatesMode"
NO_BACKUP = "noBackup"
DRY_RUN = "dryRun"
OVERRIDE_LOCKS = "overrideLocks"
PRUNE = "prune"
PRUNE_LIMIT = "pruneLimit"
WITH_PLAN = "withPlan"
DECISIONS = "decisions"
PLAN = "plan"
ONLY = "only"
ACCEPT = "accept"

MODES = {
    "leave": Mode.SKIP,
    "rename": Mode.DUPLICATE,
    "overwrite": Mode.OVERWRITE,
    "skip": Mode.SKIP,
    "duplicate": Mode.DUPLICATE,
}
"""The form's words for a mode, in lower case."""

_KNOWN = (
    *(FILE, MODE, NO_BACKUP, DRY_RUN, OVERRIDE_LOCKS, WITH_PLAN),
    *(DECISIONS, ONLY, PLAN, ACCEPT, PRUNE, PRUNE_LIMIT),
)
_FILES = (FILE, DECISIONS, PLAN)
_TOKEN_OF_PAGE = "csrfmiddlewaretoken"  # noqa: S105 - Django's name for it in a form
# The saved plan has these itself.
_NOT_WITH_PLAN = (MODE, OVERRIDE_LOCKS, WITH_PLAN, DECISIONS, ONLY, PRUNE, PRUNE_LIMIT)


class FormUnreadable(UnableToImport):
    """The body is not a whole form."""

    status = HTTPStatus.BAD_REQUEST


class FormInvalid(UnableToImport):
    """The form is invalid: `issues` lists every problem."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class Form(MultiValueDict[str, str]):
    """The parts of a form: its words by name, in which Django looks for its token; its files."""

    def __init__(self, *, words: Mapping[str, list[str]], files: Iterable[FilePart] = ()) -> None:
        super().__init__(words)
        self.files = list(files)

    @property
    def words(self) -> Mapping[str, list[str]]:
        return dict(self.lists())

    def describe(self) -> Any:
        """Return what tells the form from another one: its words, and digests of its files."""
        files = [(file.part, file.name, sha256(file.content).hexdigest()) for file in self.files]
        return [sorted(self.words.items()), files]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """The content of a form."""

    file: FilePart
    mode: Mode
    no_backup: bool
    dry_run: bool
    override_locks: bool
    prune: bool
    prune_limit: int
    with_plan: bool
    """Whether the answer to a dry run has the plan, to be applied later."""
    decisions: tuple[GivenDecision, ...] = ()
    only: tuple[str, ...] = ()
    """The items to import with what they use; empty for the whole file."""
    accept: tuple[str, ...] = ()
    """The codes of warnings that are acknowledged."""
    plan: SavedPlan | None = None
    """The plan to apply; the mode, the locks and the pruning are taken from it."""


class FormParser(BaseParser):
    """Reads a body of multipart/form-data to a Form.

    Raises FileTooLarge as soon as the content of the files is larger than ZIGGY_MAX_IMPORT_BYTES,
    before anything is read where the body's length is too large, and FormUnreadable.
    """

    media_type = "multipart/form-data"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None
    ) -> Form:
        meta = {**parser_context["request"].META, "CONTENT_TYPE": media_type}
        limit = ziggy.MAX_IMPORT_BYTES
        length = int(meta["CONTENT_LENGTH"])  # otherwise there would be no stream
        if length > get_longest_body(limit):
            raise make_too_large_error(limit)
        files = FileCollector(limit)
        body: Any = CountedStream(stream)
        try:
            words, _ = EveryNameParser(meta, body, [files], parser_context["encoding"]).parse()
        except RequestDataTooBig:
            raise _make_long_text_error() from None
        except (MultiPartParserError, SuspiciousOperation) as error:
            why = make_printable(str(error))
            raise FormUnreadable("invalid-form", f"The body is no readable form. {why}") from None
        except UnreadablePostError:
            raise _make_cut_off_error() from None
        if body.count < length:
            raise _make_cut_off_error()
        return Form(words=dict(words.lists()), files=files.take_files())


def read_form(
    form: Form,
    *,
    parts: Sequence[str] = _KNOWN,
    files: Sequence[str] = _FILES,
    found: Iterable[Issue] = (),
) -> Upload:
    """Return the content of the form, and remove the files from it.

    `parts` are those that this form may have, `files` those that may be files, and `found` the
    problems that were found in it before.

    Raises FormInvalid with every problem of the form, and what read_plan and read_decisions raise.
    The files are removed because reference cycles keep a request alive for a while, and with it
    their bytes.
    """
    issues: list[Issue] = list(found)
    plan, decisions = _read_text(form, PLAN, issues), _read_text(form, DECISIONS, issues)
    if plan is not None:
        issues += _find_parts_of_plan(form)
    upload = _read_words(form, issues, has_plan=plan is not None)
    if upload.with_plan and not upload.dry_run:
        message = f"Only a dry run answers its plan: send {DRY_RUN}=true as well."
        issues.append(Issue(code="invalid-choice", path=WITH_PLAN, message=message))
    issues += _find_unknown_parts(form, parts, files)
    form.files.clear()
    if issues:
        first = issues[0]
        message = f"{first.path}: {first.message}{format_others(issues)}"
        raise FormInvalid(first.code, message, issues)
    return _add_plan_and_decisions(upload, plan, decisions)


def _read_words(form: Form, issues: list[Issue], *, has_plan: bool) -> Upload:
    return Upload(
        file=_read_file(form, issues),
        mode=Mode.SKIP if has_plan else _read_mode(form, issues),
        no_backup=read_boolean(form.words, NO_BACKUP, issues),
        dry_run=read_boolean(form.words, DRY_RUN, issues),
        override_locks=read_boolean(form.words, OVERRIDE_LOCKS, issues),
        prune=read_boolean(form.words, PRUNE, issues),
        prune_limit=read_number(form.words, PRUNE_LIMIT, issues, default=USUAL_LIMIT),
        with_plan=read_boolean(form.words, WITH_PLAN, issues),
        only=tuple(form.words.get(ONLY, ())),
        accept=read_codes(form.words, ACCEPT, issues),
    )


def _add_plan_and_decisions(upload: Upload, plan: bytes | None, decisions: bytes | None) -> Upload:
    limit = ziggy.MAX_IMPORT_BYTES
    if plan is not None:
        saved = read_plan(plan, max_bytes=limit)
        return replace(
            upload,
            plan=saved,
            mode=saved.mode,
            override_locks=saved.override_locks,
            prune=saved.prune,
            prune_limit=saved.prune_limit,
        )
    if decisions is not None:
        return replace(upload, decisions=read_decisions(decisions, max_bytes=limit))
    return upload


def _make_cut_off_error() -> FormUnreadable:
    return FormUnreadable(
        "cut-off", "The upload stopped before its end. Nothing was imported: send it again."
    )


def _make_long_text_error() -> FormUnreadable:
    return FormUnreadable(
        "invalid-form",
        f"The texts of the form are larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes. "
        f"Send {DECISIONS} and {PLAN} as files, with a file name.",
    )


def _read_file(form: Form, issues: list[Issue]) -> FilePart:
    files = [file for file in form.files if file.part == FILE]
    if len(files) == 1 and FILE not in form.words:
        return files[0]
    if FILE in form.words:
        code, message = "no-file", "This must be a file, with a file name, and no text."
    elif files:
        code, message = "several-files", f"Send one file, not {len(files)}."
    else:
        code, message = "no-file", "Send the export file as the part named file."
    issues.append(Issue(code=code, path=FILE, message=message))
    return FilePart(part=FILE, name="", content=b"")


def _read_text(form: Form, part: str, issues: list[Issue]) -> bytes | None:
    """Return the part, which may be text or a file; None if there is none."""
    found = [file.content for file in form.files if file.part == part]
    found += [word.encode() for word in form.words.get(part, ())]
    if len(found) > 1:
        message = f"Send one of these, not {len(found)}."
        issues.append(Issue(code="several-files", path=part, message=message))
    return found[0] if found else None


def _find_parts_of_plan(form: Form) -> Iterator[Issue]:
    present = {*form.words, *(file.part for file in form.files)}
    for part in _NOT_WITH_PLAN:
        if part in present:
            yield Issue(
                code="not-with-plan",
                path=part,
                message="Leave this out: the plan says what is done.",
            )


def _read_mode(form: Form, issues: list[Issue]) -> Mode:
    words = form.words.get(MODE, [])
    mode = MODES.get(words[0].lower()) if len(words) == 1 else None
    if mode is None:
        message = "This must be one of LEAVE (skip), RENAME (duplicate) and OVERWRITE, once."
        issues.append(Issue(code="invalid-choice", path=MODE, message=message))
    return mode or Mode.SKIP


def _find_unknown_parts(
    form: Form, parts: Sequence[str], may_be_files: Sequence[str]
) -> Iterator[Issue]:
    # A misspelt dryRun must not result in an import.
    files = {file.part for file in form.files}.difference(may_be_files)
    for part in sorted(files.union(form.words).difference(parts, {_TOKEN_OF_PAGE}) | files):
        known = quote(part) if part not in parts else f"a file as {part}"
        yield Issue(
            code="unknown-part",
            path=make_printable(part),
            message=f"This server does not know {known}. The parts of the form are "
            f"{', '.join(parts)}; files are {', '.join(may_be_files)}.",
        )
