"""What is done to a record's checklist: values for secrets, connections ticked off."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
)
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from flows.models import Connection, Secret
from flows.secrets.values import GoesElsewhereError, HasValueError, SecretGoneError
from flows.servers import get_current_database
from imports.admin.addresses import get_record_url
from imports.admin.records.record_checklist import (
    CHANGE_CONNECTION,
    FillForm,
    PasteForm,
    Typed,
    get_place,
)
from imports.admin.scripts import is_script
from imports.filling.pasted import ValueEnvironment
from imports.filling.service import CHANGE_SECRET, FilledSecrets, PastedRefused, fill_pasted
from imports.models import ImportRecord
from imports.records.checklist import (
    PointGoneError,
    fill_secret,
    read_checklist,
    tick_off,
    tick_off_many,
)

_ELSEWHERE = (
    "Where a value goes has changed since you opened this page: look at it below, and type the "
    "value again. Nothing was stored."
)

FindRecord = Callable[[HttpRequest, str], ImportRecord]
RenderPage = Callable[..., HttpResponse]


class ChecklistViews:
    """The addresses to which a record's checklist is sent.

    `find_record` returns the record or raises what the user is answered; `render_page` returns the
    record's page with what was typed.
    """

    def __init__(self, site: AdminSite, find_record: FindRecord, render_page: RenderPage) -> None:
        self._site = site
        self._find_record = find_record
        self._render_page = render_page

    # --- one secret, one connection

    @sensitive_variables()
    @method_decorator(sensitive_post_parameters("dev_value", "prod_value"))
    def fill(self, request: HttpRequest, record_id: int, secret_uuid: UUID) -> HttpResponse:
        """Set the first value of a secret of the checklist, and redirect to the record."""
        record = self._find_record(request, str(record_id))
        if request.method != "POST":  # the URL of a refused form was opened again
            return HttpResponseRedirect(_get_page(request, record))
        if not request.user.has_perm(CHANGE_SECRET):
            raise PermissionDenied
        form = FillForm(request.POST, uuid=secret_uuid)
        if not form.is_valid():
            return self._render_page(request, record, typed=Typed(fill=form))
        give = "" if self._fill(request, record, form) else str(secret_uuid)
        return HttpResponseRedirect(_get_page(request, record, give=give))

    def tick_off(self, request: HttpRequest, record_id: int, item_id: int) -> HttpResponse:
        """Tick a connection of the checklist off."""
        record = self._find_record(request, str(record_id))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm(CHANGE_CONNECTION):
            raise PermissionDenied
        try:
            with transaction.atomic(using=get_current_database()):
                row = tick_off(record, item_id)
                self._log_tick(request, record, row)
        except PointGoneError:
            raise Http404 from None
        messages.success(request, f"The connection {row} is ticked off.")
        return HttpResponseRedirect(_get_page(request, record, f"connection:{item_id}"))

    # --- many

    @sensitive_variables()
    @method_decorator(sensitive_post_parameters("pasted"))
    def change_many(self, request: HttpRequest, record_id: int) -> HttpResponse:
        """Do what the button of the checklist says with what is pasted or ticked."""
        record = self._find_record(request, str(record_id))
        if request.method != "POST":  # the URL of a refused form was opened again
            return HttpResponseRedirect(_get_page(request, record))
        match request.POST.get("do"):
            case "tick-off":
                return self._tick_off_many(request, record)
            case "begin":
                return self._begin_lines(request, record)
            case "fill":
                return self._fill_many(request, record)
            case _:  # the Enter key on a box
                return HttpResponseRedirect(_get_page(request, record))

    @sensitive_variables()
    def _fill_many(self, request: HttpRequest, record: ImportRecord) -> HttpResponse:
        if not request.user.has_perm(CHANGE_SECRET):
            raise PermissionDenied
        form = PasteForm(request.POST)
        if not form.is_valid():
            raise Http404
        environment = ValueEnvironment(form.cleaned_data["environment"])
        try:
            with transaction.atomic(using=get_current_database()):
                filled = fill_pasted(
                    record,
                    request.POST.get("pasted", ""),
                    environment,
                    user=request.user,  # type: ignore[arg-type]
                    user_name=request.user.get_username(),
                    shown=request.POST.get("shown", ""),
                )
                self._log_filled(request, filled)
        except PastedRefused as refused:
            return self._answer_problems(request, record, refused, environment)
        except GoesElsewhereError:
            messages.warning(request, _ELSEWHERE)
            return _redirect(request, _get_page(request, record))
        messages.success(request, _describe_filled(filled))
        done = {f"secret:{secret.uuid}" for secret in filled.secrets}
        return _redirect(request, _get_page(request, record, *done))

    def _answer_problems(
        self,
        request: HttpRequest,
        record: ImportRecord,
        refused: PastedRefused,
        environment: ValueEnvironment,
    ) -> HttpResponse:
        if is_script(request):  # which leaves the text where it is
            problems = [{"line": each.line, "message": each.message} for each in refused.problems]
            return JsonResponse({"problems": problems})
        typed = Typed(problems=refused.problems, environment=environment)
        return self._render_page(request, record, typed=typed)

    def _begin_lines(self, request: HttpRequest, record: ImportRecord) -> HttpResponse:
        """Show the page with a line for each ticked secret without a value."""
        ticks = set(request.POST.getlist("tick"))
        names = [
            point.name
            for point in read_checklist(record).open_secrets
            if f"secret:{point.uuid}" in ticks
        ]
        if not names:
            messages.warning(request, "Tick the secrets for which you have values first.")
        return self._render_page(request, record, typed=Typed(names=names))

    def _tick_off_many(self, request: HttpRequest, record: ImportRecord) -> HttpResponse:
        if not request.user.has_perm(CHANGE_CONNECTION):
            raise PermissionDenied
        ticked = list(_read_ticked_connections(request))
        if not ticked:
            messages.warning(request, "Tick the connections that are right first.")
            return HttpResponseRedirect(_get_page(request, record))
        try:
            with transaction.atomic(using=get_current_database()):
                rows = tick_off_many(record, ticked)
                for row in rows:
                    self._log_tick(request, record, row)
        except PointGoneError:
            messages.error(
                request,
                "One of these connections is not there any more. Nothing was ticked off: look at "
                "the list again.",
            )
            return HttpResponseRedirect(_get_page(request, record))
        number = len(rows)
        message = f"{number} connection{' is' if number == 1 else 's are'} ticked off."
        messages.success(request, message)
        done = [f"connection:{number}" for number in ticked]
        return HttpResponseRedirect(_get_page(request, record, *done))

    # --- the log of the admin

    def _log_tick(self, request: HttpRequest, record: ImportRecord, row: Connection) -> None:
        message = f"Looked at after import {record.pk}: it is right."
        self._site.get_model_admin(Connection).log_change(request, row, message)

    def _log_filled(self, request: HttpRequest, filled: FilledSecrets) -> None:
        for secret, (has_dev, has_prod) in zip(filled.secrets, filled.given, strict=True):
            given = [("Development value", has_dev), ("Production value", has_prod)]
            self._log_fill(request, secret, [label for label, is_given in given if is_given])

    def _log_fill(self, request: HttpRequest, secret: Secret, labels: list[str]) -> None:
        # Only which values were given, nothing of the values themselves.
        change: list[dict[str, Any]] = [{"changed": {"fields": labels}}]
        self._site.get_model_admin(Secret).log_change(request, secret, change)

    @sensitive_variables()
    def _fill(self, request: HttpRequest, record: ImportRecord, form: FillForm) -> bool:
        """Store the values; return whether the form is done with, and need not be shown again."""
        try:
            with transaction.atomic(using=get_current_database()):
                secret = fill_secret(
                    record,
                    form.uuid,
                    **form.cleaned_data,
                    user_name=request.user.get_username(),
                    shown=request.POST.get("shown", ""),
                )
                self._log_fill(request, secret, form.list_given())
        except GoesElsewhereError:
            messages.warning(request, _ELSEWHERE)
            return False
        except HasValueError:
            messages.warning(
                request,
                "This secret has a value already: somebody gave it one meanwhile. Yours was not "
                "stored, and theirs is as it was.",
            )
        except SecretGoneError:
            messages.error(
                request, "There is no such secret in this import any more. Nothing was stored."
            )
        else:
            messages.success(request, f"The secret {secret.name} has a value now.")
        return True


def _get_page(request: HttpRequest, record: ImportRecord, *done: str, give: str = "") -> str:
    """Return the address of the record's page at the same place, with the ticks but for `done`.

    `give` is the uuid of the secret whose form is shown.
    """
    ticks = [tick for tick in request.POST.getlist("tick") if tick not in done]
    place = get_place(request.GET, ticks=ticks, give=give)
    return f"{get_record_url(record)}{'?' if place else ''}{place}#checklist"


def _redirect(request: HttpRequest, url: str) -> HttpResponse:
    return JsonResponse({"url": url}) if is_script(request) else HttpResponseRedirect(url)


def _read_ticked_connections(request: HttpRequest) -> Iterator[int]:
    for tick in request.POST.getlist("tick"):
        kind, _, number = tick.partition(":")
        if kind == "connection" and number.isdecimal():
            yield int(number)


def _describe_filled(filled: FilledSecrets) -> str:
    number = len(filled.secrets)
    text = f"{number} secret{' has a value' if number == 1 else 's have values'} now."
    if empty := filled.names_without_value:
        lines = "line without a value was" if empty == 1 else "lines without a value were"
        text += f" {empty} {lines} passed over."
    return text
