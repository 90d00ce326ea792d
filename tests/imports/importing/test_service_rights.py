"""Who may call what of the services: every public function, by each right that it needs.

With exactly the rights that a case names, the call goes through; without any one of them it is
refused by that right's name, and nothing is written. The cases are written from the contract of the
rights, not from what the functions answer.

To add a public function to one of these rooms, add it to CALLS, or say in DOORS where who calls it
is checked.
"""

import ast
import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from accounts.models import User
from flows.content.fields import Kind
from flows.models import MODELS
from flows.saves import named_saves
from flows.secrets.used_secrets import read_used_secrets
from imports import permissions
from imports.database.backup import Backup
from imports.errors import FileUnreadable, NotPermitted
from imports.filling.pasted import ValueEnvironment
from imports.filling.service import fill_pasted
from imports.importing.request import ImportRequest
from imports.importing.service import (
    examine_for_others,
    examine_import,
    make_plan_to_save,
    plan_for_others,
    preview_for_review,
    preview_import,
    run_import,
)
from imports.models import ImportRecord, Status
from imports.named_saves import SaveUnfit, find_item, preview_restore, restore, take_save
from imports.plans.decisions import ItemDecision
from imports.plans.plan import Mode
from imports.purging.service import preview_purge, purge_items
from imports.undo.plans import plan as undo_plan
from imports.undo.plans.snapshot import make_undo_token
from imports.undo.service import (
    examine_undo,
    examine_undo_of_row,
    preview_undo,
    undo_import,
)
from tests.product.test_permission_matrix import ROWS as MATRIX
from tests.support.digest import Rows, all_rows, data_rows
from tests.support.directories import DIRECTORY_ID
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, export_file, flow, import_items, request_for, secret
from tests.support.importing import uuid_of as uuid
from tests.support.undoing import undo_request

ROOMS = (
    "imports.importing.service",
    "imports.undo.service",
    "imports.named_saves",
    "imports.database.vacuum",
    "imports.exporting.downloads",
    "imports.exporting.write",
    "imports.exporting.directory_writing",
    "imports.purging.service",
    "imports.filling.service",
)

RUN, UNDO = permissions.RUN_IMPORT, permissions.UNDO_IMPORT
PLAN, SKIP_BACKUP = permissions.PLAN_IMPORT, permissions.SKIP_BACKUP
OVERWRITE, OVERRIDE_LOCKS = permissions.OVERWRITE_ITEMS, permissions.OVERRIDE_LOCKS
RETARGET = permissions.RETARGET_CONNECTIONS

HERE = "{ host: 'a.example.com', token: secrets.KEY }"
ELSEWHERE = "{ host: 'b.example.com', token: secrets.KEY }"
LETTERS = {Kind.FLOW: "f", Kind.CONNECTION: "c", Kind.SECRET: "5"}
ITEMS = {Kind.FLOW: flow, Kind.CONNECTION: connection, Kind.SECRET: secret}
FACTORIES = {Kind.FLOW: FlowFactory, Kind.CONNECTION: ConnectionFactory, Kind.SECRET: SecretFactory}
TEXTS = {Kind.FLOW: "info", Kind.CONNECTION: "description", Kind.SECRET: "description"}


def by_hand(verb: str, kind: Kind) -> str:
    return f"flows.{verb}_{kind}"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A call that goes through with these rights, and with none less."""

    name: str
    needs: frozenset[str]
    call: Callable[[User | None], Any]
    """What is called; what it needs is stored before."""
    store: Callable[[], None]
    is_recorded: bool = False
    """Whether a refusal leaves a record; else it writes nothing at all."""


@pytest.fixture(autouse=True)
def quick_backups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Backups that take no time: whether one is asked for is what needs a right."""
    backup = Backup(path=tmp_path / "copy", size=1, sha256="0" * 64)
    monkeypatch.setattr("imports.runs.carrying_out.make_backup", lambda **_: backup)


# --- Imports of a file


@dataclass(frozen=True, kw_only=True)
class Situation:
    """An import that is asked for on a server that holds the rows of `store_rows`."""

    name: str
    items: tuple[dict[str, Any], ...]
    needs: tuple[str, ...] = ()
    """Beside the right to import."""
    visible_kinds: tuple[Kind, ...] = ()
    """The kinds of rows that its plan tells of and that nothing of the above lets anybody see."""
    mode: str = "overwrite"
    options: dict[str, Any] = field(default_factory=dict)
    top_level: dict[str, Any] = field(default_factory=dict)
    store: Callable[[], None] | None = None
    is_rare: bool = False
    """Whether it is left out for the calls that are another one with a plan."""

    def request(self, user: User | None) -> ImportRequest:
        options = {"with_backup": True, **self.options}
        payload = export_file(*self.items, **self.top_level)
        return request_for(payload, self.mode, user=user, **options)


def store_rows() -> None:
    for kind in Kind:
        name = {Kind.FLOW: "Orders", Kind.CONNECTION: "Twilio", Kind.SECRET: "KEY"}[kind]
        values = {"dev_value": HERE} if kind is Kind.CONNECTION else {}
        values |= {"dev_value": "a value"} if kind is Kind.SECRET else {}
        FACTORIES[kind](uuid=uuid(LETTERS[kind], 1), name=name, **values)
    FlowFactory(uuid=uuid("f", 3), name="Locked", is_locked=True)
    ConnectionFactory(uuid=uuid("c", 4), name="Gone", dev_value=ELSEWHERE, is_deleted=True)
    SecretFactory(uuid=uuid("5", 4), name="GONE", dev_value="a value", is_deleted=True)
    ConnectionFactory(name="User", dev_value="{ host: 'c.example.com', token: secrets.GONE }")


def store_left_row() -> None:
    """Store the rows, and one that left its directory."""
    store_rows()
    run_import(request_for(export_file(flow(5, "Left"), directoryId=DIRECTORY_ID)))


NEW = {
    Kind.FLOW: flow(2, "New"),
    Kind.CONNECTION: connection(2, "New"),
    Kind.SECRET: secret(2, "NEW"),
}
CHANGED = {
    Kind.FLOW: flow(1, "Orders", info="changed"),
    Kind.CONNECTION: connection(1, "Twilio", type="Twilio", devValue=HERE, description="changed"),
    Kind.SECRET: secret(1, "KEY", description="changed"),
}


def situations() -> Iterator[Situation]:
    for kind in Kind:
        changed, add = (CHANGED[kind],), by_hand("add", kind)
        is_rare = kind is not Kind.FLOW
        overwrite = (OVERWRITE, by_hand("change", kind))
        yield Situation(name=f"a new {kind}", items=(NEW[kind],), needs=(add,), is_rare=is_rare)
        yield Situation(
            name=f"an overwritten {kind}", items=changed, needs=overwrite, is_rare=is_rare
        )
        yield Situation(
            name=f"a copied {kind}",
            items=changed,
            mode="duplicate",
            needs=(add,),
            visible_kinds=(kind,),
            is_rare=is_rare,
        )
        yield Situation(
            name=f"a {kind} left alone", items=changed, mode="skip", visible_kinds=(kind,)
        )
        decided = {(kind, uuid(LETTERS[kind], 1)): ItemDecision(mode=Mode.OVERWRITE)}
        yield Situation(
            name=f"an overwrite of a {kind} that is decided on",
            items=changed,
            mode="skip",
            needs=overwrite,
            options={"decisions": decided},
            is_rare=is_rare,
        )
        # Whoever chooses a row by its uuid is told whether there is one.
        chosen = {(kind, NEW[kind]["uuid"]): ItemDecision(target_uuid=uuid(LETTERS[kind], 1))}
        yield Situation(
            name=f"a {kind} chosen and left alone",
            items=(NEW[kind],),
            mode="skip",
            needs=(by_hand("view", kind),),
            options={"decisions": chosen},
            is_rare=is_rare,
        )
    new = (NEW[Kind.FLOW],)
    yield Situation(
        name="no backup",
        items=new,
        needs=("flows.add_flow", SKIP_BACKUP),
        options={"with_backup": False},
    )
    yield Situation(
        name="a lock overridden",
        items=(flow(3, "Locked", info="changed"),),
        needs=(OVERWRITE, "flows.change_flow", OVERRIDE_LOCKS),
        options={"override_locks": True},
    )
    yield Situation(
        name="locks overridden where there are none",
        items=new,
        needs=("flows.add_flow", OVERRIDE_LOCKS),
        options={"override_locks": True},
    )
    yield Situation(
        name="a flow pruned that left its directory",
        items=new,
        needs=("flows.add_flow", "flows.delete_flow", permissions.PRUNE_ITEMS),
        visible_kinds=(Kind.FLOW,),
        options={"prune": True},
        top_level={"directoryId": DIRECTORY_ID},
        store=store_left_row,
    )
    yield Situation(
        name="a secret sent elsewhere",
        items=(connection(1, "Twilio", devValue=ELSEWHERE),),
        needs=(OVERWRITE, "flows.change_connection", RETARGET),
    )
    yield Situation(
        name="a secret sent to a new place",
        items=(connection(2, "New", devValue=ELSEWHERE),),
        needs=("flows.add_connection", RETARGET),
        visible_kinds=(Kind.CONNECTION,),
    )
    yield Situation(
        name="a connection brought back",
        items=(connection(4, "Gone", type="Twilio", devValue=ELSEWHERE),),
        needs=("flows.add_connection", RETARGET),
        visible_kinds=(Kind.CONNECTION,),
    )
    yield Situation(
        name="a secret brought back, with a value",
        items=(secret(4, "GONE"),),
        needs=("flows.add_secret", RETARGET),
        visible_kinds=(Kind.SECRET, Kind.CONNECTION),
    )


SITUATIONS = list(situations())


def preview(request: ImportRequest) -> Any:
    return preview_import(request)


def shown(request: ImportRequest) -> Any:
    """The run of what somebody who may do everything was shown."""
    allowed = preview_import(replace(request, user=None), record_refusal=False)
    return run_import(request, confirmed=allowed)


def with_token(request: ImportRequest) -> Any:
    allowed = preview_import(replace(request, user=None), record_refusal=False)
    return run_import(request, token=allowed.token)


def planned(request: ImportRequest) -> ImportRequest:
    """The same by a saved plan, which somebody who may do everything made."""
    _, saved = make_plan_to_save(replace(request, user=None))
    return replace(request, saved_plan=saved, decisions={})


# What is called, and whether a refusal leaves a record. Each tells of rows, so that who asks must be
# allowed to see them.
IMPORT_CALLS: dict[str, tuple[Callable[[ImportRequest], Any], bool]] = {
    "preview_import": (preview, True),
    "preview_import by a plan": (lambda request: preview_import(planned(request)), True),
    "make_plan_to_save": (make_plan_to_save, False),
    "preview_for_review": (preview_for_review, False),
    "examine_import": (examine_import, False),
    "run_import": (run_import, True),
    "run_import as confirmed": (shown, True),
    "run_import with a token": (with_token, True),
    "run_import by a plan": (lambda request: run_import(planned(request)), True),
}


def import_cases() -> Iterator[Case]:
    for call, (function, is_recorded) in IMPORT_CALLS.items():
        for situation in SITUATIONS:
            if situation.is_rare and " " in call:
                continue
            seen = {by_hand("view", kind) for kind in situation.visible_kinds}
            yield Case(
                name=f"{call}: {situation.name}",
                needs=frozenset({RUN, *situation.needs, *seen}),
                call=lambda user, function=function, situation=situation: function(
                    situation.request(user)
                ),
                store=situation.store or store_rows,
                is_recorded=is_recorded,
            )


# --- plans that others may apply


def planned_situations() -> Iterator[tuple[Situation, frozenset[str]]]:
    """What is planned, with the kinds of rows that the plan tells of."""
    for kind in Kind:
        seen = frozenset({by_hand("view", kind)})
        yield Situation(name=f"a new {kind}", items=(NEW[kind],)), frozenset()
        yield Situation(name=f"an overwritten {kind}", items=(CHANGED[kind],)), seen
        skipped = Situation(name=f"a {kind} left alone", items=(CHANGED[kind],), mode="skip")
        yield skipped, seen
    locked = (flow(3, "Locked", info="changed"),)
    options = {"override_locks": True}
    yield (
        Situation(name="a lock overridden", items=locked, options=options),
        frozenset({"flows.view_flow"}),
    )
    yield (
        Situation(
            name="a secret sent elsewhere",
            items=(connection(1, "Twilio", devValue=ELSEWHERE),),
            options={"with_backup": False},
        ),
        frozenset({"flows.view_connection"}),
    )


PLAN_CALLS: dict[str, tuple[Callable[[ImportRequest], Any], str, bool]] = {
    "plan_for_others": (
        lambda asked: plan_for_others(replace(asked, accept=()))[0],
        PLAN,
        False,
    ),
    "examine_for_others": (examine_for_others, permissions.VIEW_RECORDS, False),
    "preview_import of who may only plan": (preview, PLAN, True),
    "make_plan_to_save of who may only plan": (
        make_plan_to_save,
        PLAN,
        False,
    ),
}


def plan_cases() -> Iterator[Case]:
    """With these rights alone: nothing that an import needs is needed to plan it for others."""
    for call, (function, right, is_recorded) in PLAN_CALLS.items():
        for situation, seen in planned_situations():
            yield Case(
                name=f"{call}: {situation.name}",
                needs=frozenset({right, *seen}),
                call=lambda user, function=function, situation=situation: function(
                    situation.request(user)
                ),
                store=store_rows,
                is_recorded=is_recorded,
            )


# --- undos


@dataclass(frozen=True, kw_only=True)
class Undone:
    """An import that is taken back, with what its undo needs beside the right to undo."""

    name: str
    done: Callable[[], Any]
    needs: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)


def undone() -> Iterator[Undone]:
    for kind in Kind:
        delete, change, view = (by_hand(verb, kind) for verb in ("delete", "change", "view"))
        yield Undone(
            name=f"a {kind} that it made",
            done=lambda kind=kind: import_items(NEW[kind]),
            needs=(delete, view),
        )
        yield Undone(
            name=f"a {kind} that it overwrote",
            done=lambda kind=kind: import_items(CHANGED[kind]),
            needs=(change,),
        )
        yield Undone(
            name=f"a {kind} that it brought back",
            done=lambda kind=kind: revived(kind),
            needs=(delete, change),
        )
        yield Undone(
            name=f"a {kind} that stays",
            done=lambda kind=kind: edited(kind),
            needs=(view,),
            options={"conflicts": undo_plan.ConflictResolution.KEEP},
        )
    yield Undone(
        name="no backup",
        done=lambda: import_items(CHANGED[Kind.FLOW]),
        needs=("flows.change_flow", SKIP_BACKUP),
        options={"with_backup": False},
    )
    yield Undone(
        name="a secret sent where it was sent",
        done=lambda: import_items(connection(1, "Twilio", devValue=ELSEWHERE)),
        needs=("flows.change_connection", RETARGET),
    )
    yield Undone(
        name="a connection that an undo deleted",
        done=lambda: undone_again(connection(2, "New", devValue=ELSEWHERE)),
        needs=("flows.change_connection", RETARGET),
    )
    yield Undone(
        name="a secret that an undo deleted",
        done=lambda: undone_again(secret(4, "GONE")),
        needs=("flows.change_secret", "flows.view_connection", RETARGET),
    )
    yield Undone(
        name="a secret that a flow uses by now",
        done=used,
        needs=("flows.view_secret", "flows.view_flow"),
        options={"conflicts": undo_plan.ConflictResolution.KEEP},
    )


def revived(kind: Kind) -> Any:
    FACTORIES[kind](uuid=NEW[kind]["uuid"], name="OLD", is_deleted=True)
    return import_items(NEW[kind])


def edited(kind: Kind) -> Any:
    outcome = import_items(CHANGED[kind])
    rows = MODELS[kind]._default_manager.filter(uuid=uuid(LETTERS[kind], 1))
    rows.update(**{TEXTS[kind]: "edited"})
    return outcome


def undone_again(item: dict[str, Any]) -> Any:
    return undo_import(undo_request(import_items(item).record))


def used() -> Any:
    outcome = import_items(NEW[Kind.SECRET])
    FlowFactory(name="User", nodes='[{"code":"secrets.NEW"}]')
    return outcome


def undo_with_token(request: Any) -> Any:
    return undo_import(request, token=make_undo_token(preview_undo(replace(request, user=None))))


UNDO_CALLS: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "preview_undo": (preview_undo, True),
    "examine_undo": (examine_undo, False),
    "undo_import": (undo_import, True),
    "undo_import with a token": (undo_with_token, True),
}


def undo_cases() -> Iterator[Case]:
    for call, (function, is_recorded) in UNDO_CALLS.items():
        for one in undone():

            def store(one: Undone = one) -> None:
                store_rows()
                one.done()

            def run(user: User | None, function: Any = function, one: Undone = one) -> Any:
                record = ImportRecord.objects.filter(status=Status.SUCCEEDED).latest("pk")
                options = {"with_backup": True, **one.options}
                return function(undo_request(record, user=user, **options))

            yield Case(
                name=f"{call}: {one.name}",
                needs=frozenset({UNDO, *one.needs}),
                call=run,
                store=store,
                is_recorded=is_recorded,
            )


def undo_row_cases() -> Iterator[Case]:
    """The row of each kind that an import overwrote."""
    for kind in Kind:

        def store(kind: Kind = kind) -> None:
            store_rows()
            import_items(CHANGED[kind])

        def examine(user: User | None, kind: Kind = kind) -> Any:
            record = ImportRecord.objects.filter(status=Status.SUCCEEDED).latest("pk")
            key = (kind, uuid(LETTERS[kind], 1))
            return examine_undo_of_row(undo_request(record, user=user), key)

        yield Case(
            name=f"examine_undo_of_row: a {kind}",
            needs=frozenset({UNDO, by_hand("view", kind)}),
            call=examine,
            store=store,
        )


# --- named saves


def saved(kind: Kind, before: dict[str, Any]) -> None:
    """A save of a row that then held that and now is live with what `store_rows` says."""
    store_rows()
    rows = MODELS[kind]._default_manager.filter(uuid=uuid(LETTERS[kind], 1))
    now = rows.values().get()
    rows.update(**before)
    named_saves.take(rows.get(), "before")
    rows.update(**now)


def newest_save() -> str:
    return str(named_saves.Version.objects.latest("pk").pk)


def restored(user: User | None) -> Any:
    """Restore what somebody who may do everything looked at."""
    looked_at = preview_restore(newest_save(), user=None)
    return restore(looked_at, user=user, user_name="anna")


def restoring(
    name: str, kind: Kind, before: dict[str, Any], *needs: str, call: Callable[[Any], Any]
) -> Case:
    return Case(
        name=name,
        needs=frozenset({by_hand("change", kind), *needs}),
        call=call,
        store=lambda: saved(kind, before),
    )


def save_cases() -> Iterator[Case]:
    for kind in Kind:
        text, view = uuid(LETTERS[kind], 1), by_hand("view", kind)
        yield Case(
            name=f"find_item: a {kind}",
            needs=frozenset({view}),
            call=lambda user, kind=kind, text=text: find_item(text, kind=kind, user=user),
            store=store_rows,
        )
        yield Case(
            name=f"take_save: a {kind}",
            needs=frozenset({by_hand("change", kind)}),
            call=lambda user, kind=kind: take_save(
                MODELS[kind]._default_manager.get(uuid=uuid(LETTERS[kind], 1)), "mine", user=user
            ),
            store=store_rows,
        )
        for call, function in RESTORE_CALLS.items():
            text = {TEXTS[kind]: "before"}
            yield restoring(f"{call}: a {kind}", kind, text, call=function)
            deleted, delete = {"is_deleted": True}, by_hand("delete", kind)
            name = f"{call}: a {kind} as it was when it was deleted"
            yield restoring(name, kind, deleted, delete, call=function)
    for call, function in RESTORE_CALLS.items():
        there = {"dev_value": ELSEWHERE}
        name = f"{call}: a secret sent elsewhere"
        yield restoring(name, Kind.CONNECTION, there, RETARGET, call=function)


RESTORE_CALLS: dict[str, Callable[[User | None], Any]] = {
    "preview_restore": lambda user: preview_restore(newest_save(), user=user),
    "restore": restored,
}


# --- the table

# --- Items deleted for good


def purge_cases() -> Iterator[Case]:
    """An item of each kind."""
    for kind in Kind:
        keys = [(kind, uuid(LETTERS[kind], 1))]
        needs = frozenset({permissions.PURGE_ITEMS, by_hand("view", kind), by_hand("delete", kind)})
        yield Case(
            name=f"preview_purge: a {kind}",
            needs=needs,
            call=lambda user, keys=keys: preview_purge(keys, user=user),
            store=store_rows,
        )
        yield Case(
            name=f"purge_items: a {kind}",
            needs=needs,
            call=lambda user, keys=keys: purge_items(
                keys, user=user, user_name="anna", with_used=True
            ),
            store=store_rows,
        )


def filling_cases() -> Iterator[Case]:
    """The value of a secret that an import made."""

    def store() -> None:
        store_rows()
        import_items(NEW[Kind.SECRET])

    def fill(user: User | None) -> Any:
        record = ImportRecord.objects.get()
        shown = read_used_secrets(["NEW"]).tag
        return fill_pasted(
            record, "NEW=a value", ValueEnvironment.BOTH, user=user, user_name="anna", shown=shown
        )

    needs = frozenset({permissions.VIEW_RECORDS, by_hand("change", Kind.SECRET)})
    yield Case(name="fill_pasted: a secret", needs=needs, call=fill, store=store)


CASES = [
    *(*import_cases(), *plan_cases(), *undo_cases(), *undo_row_cases()),
    *(*save_cases(), *purge_cases(), *filling_cases()),
]
CELLS = [
    pytest.param(case, lacking, id=f"{case.name} - without {lacking}")
    for case in CASES
    for lacking in sorted(case.needs)
]


def user_with(rights: Iterable[str]) -> User:
    user = User.objects.create_user("anna")
    names = {right.partition(".")[2] for right in rights}
    found = Permission.objects.filter(codename__in=names)
    assert len(found) == len(names)
    user.user_permissions.set(found)
    return User.objects.get(pk=user.pk)


def refusal_of(case: Case, user: User) -> NotPermitted | None:
    """Why the call is refused, whether it is raised or told beside the plan."""
    try:
        answer = case.call(user)
    except NotPermitted as error:
        return error
    refusal = getattr(answer, "refusal", None)
    assert refusal is None or isinstance(refusal, NotPermitted)
    return refusal


def sight_beside(lacking: str) -> set[str]:
    """The right to see a row, which the right to change it gives as well."""
    verb, _, kind = lacking.partition(".")[2].partition("_")
    return {f"flows.view_{kind}"} if verb == "change" else set()


@pytest.mark.django_db
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_with_the_rights_that_it_needs_a_call_goes_through(case: Case) -> None:
    case.store()
    assert refusal_of(case, user_with(case.needs)) is None


@pytest.mark.django_db
@pytest.mark.parametrize(("case", "lacking"), CELLS)
def test_without_one_of_them_it_is_refused_and_writes_nothing(case: Case, lacking: str) -> None:
    case.store()
    user = user_with((case.needs - {lacking}) | sight_beside(lacking))
    before = kept(case)
    refusal = refusal_of(case, user)
    assert refusal is not None
    needs, *items = refusal.issues
    # Who may not even plan is told what the import needs.
    without = f"{RUN}" if "may only plan" in case.name and lacking == PLAN else lacking
    assert needs.message == f"Needs the permission {without}."
    items = items if without == lacking else []
    # Who lacks the right to send a secret elsewhere is told of which items.
    assert bool(items) == (lacking == RETARGET)
    assert {issue.code for issue in items} <= {"secret-to-new-destination"}
    assert all(issue.uuid and issue.message in refusal.message for issue in items[:1])
    assert refusal.code == "not-permitted"
    if lacking in {RUN, UNDO, PLAN} or lacking.startswith("flows.view_"):
        with pytest.raises(NotPermitted):  # nothing of the plan is told beside the refusal
            case.call(user)
    assert kept(case) == before


def kept(case: Case) -> Rows:
    return data_rows() if case.is_recorded else all_rows()


ASKED = {RUN, SKIP_BACKUP, OVERRIDE_LOCKS}


@pytest.mark.django_db
@pytest.mark.parametrize("lacking", sorted(ASKED))
@pytest.mark.parametrize(
    "function", [preview_import, preview_for_review, make_plan_to_save, examine_import, run_import]
)
def test_who_may_not_ask_for_it_is_refused_before_the_file_is_read(
    function: Callable[[ImportRequest], Any], lacking: str
) -> None:
    user = user_with(ASKED - {lacking})
    asked = request_for(b"no JSON at all", user=user, with_backup=False, override_locks=True)
    if function is examine_import and lacking != RUN:  # the option can still be left out
        with pytest.raises(FileUnreadable):
            function(asked)
        return
    with pytest.raises(NotPermitted) as refused:
        function(asked)
    assert [issue.message for issue in refused.value.issues] == [f"Needs the permission {lacking}."]


@pytest.mark.django_db
@pytest.mark.parametrize("function", [preview_import, make_plan_to_save, run_import])
def test_who_may_not_see_rows_is_not_told_that_a_chosen_one_is_not_there(
    function: Callable[[ImportRequest], Any],
) -> None:
    chosen = {(Kind.FLOW, uuid("f", 2)): ItemDecision(target_uuid=uuid("f", 404))}
    user = user_with([RUN, "flows.add_flow"])
    asked = request_for(export_file(NEW[Kind.FLOW]), user=user, with_backup=True, decisions=chosen)
    with pytest.raises(NotPermitted) as refused:
        function(asked)
    assert [issue.message for issue in refused.value.issues] == [
        "Needs the permission flows.view_flow."
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("function", [preview_import, run_import])
def test_who_may_not_see_rows_is_not_told_that_one_came_since_the_plan(
    function: Callable[[ImportRequest], Any],
) -> None:
    asked = planned(request_for(export_file(NEW[Kind.FLOW]), with_backup=True))
    FlowFactory(uuid=uuid("f", 2), name="Hidden")
    user = user_with([RUN, "flows.add_flow"])
    with pytest.raises(NotPermitted) as refused:
        function(replace(asked, user=user))
    assert [issue.message for issue in refused.value.issues] == [
        "Needs the permission flows.view_flow."
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", list(Kind))
def test_who_may_not_see_rows_is_not_told_what_became_of_that_of_a_save(kind: Kind) -> None:
    saved(kind, {TEXTS[kind]: "before"})
    MODELS[kind]._default_manager.all().delete()
    with pytest.raises(SaveUnfit):
        preview_restore(newest_save(), user=None)
    with pytest.raises(NotPermitted) as refused:
        preview_restore(newest_save(), user=user_with([]))
    assert [issue.message for issue in refused.value.issues] == [
        f"Needs the permission flows.view_{kind}."
    ]


# --- what is checked at the doors

# Functions that ask nobody who calls them, by the endpoints of permission_matrix.csv that do.
DOORS = {
    "imports.database.vacuum.count_deleted": [],  # the command's alone, which is the shell's
    "imports.database.vacuum.vacuum_database": ["flow/vacuum"],
    "imports.exporting.downloads.build_export": ["flow/export-tagged"],
    "imports.exporting.downloads.find_export": ["flow/export-tagged"],
    "imports.exporting.downloads.drop_export": ["flow/tagged-export"],
    "imports.exporting.downloads.pack_export": ["flow/export-all"],
    "imports.exporting.downloads.unpack_export": ["flow/export-all"],
    "imports.exporting.downloads.make_export_response": ["flow/export-all", "flow/export-tagged"],
    "imports.exporting.downloads.build_transfer": ["system/transfer-db"],
    "imports.exporting.downloads.find_transfer": ["system/download-transfer"],
    "imports.exporting.downloads.gzip_file": ["system/download-transfer"],
    "imports.exporting.write.write_export": ["flow/export-all"],
    "imports.exporting.write.ignore_progress": [],  # does nothing
    "imports.exporting.directory_writing.write_directory": [],  # the command's alone
    "imports.undo.service.find_kinds_to_undo": ["imports/<int:pk>/undo"],
}
# Who may import them: each checks who calls, or is the shell's.
CALLERS = {
    "imports.database.vacuum": {
        "imports.api.system",
        "imports.management.commands.database_vacuum",
    },
    "imports.exporting.downloads": {
        "imports.api.export_answers",
        "imports.api.exports",
        "imports.api.system",
        "imports.admin.server.drift_page",
        "imports.admin.server.export_page",
        "imports.admin.items.flows",
        "imports.jobs.exports.building",
    },
    "imports.exporting.directory_writing": {"imports.management.commands.flow_export"},
    "imports.exporting.write": {
        "imports.exporting.downloads",
        "imports.management.commands.flow_export",
    },
}


def public_functions(room: str) -> set[str]:
    module = import_module(room)
    return {
        f"{room}.{name}"
        for name, function in vars(module).items()
        if inspect.isfunction(inspect.unwrap(function) if callable(function) else function)
        and getattr(function, "__module__", "") == room
        and not name.startswith("_")
    }


def test_every_public_function_of_these_rooms_is_in_the_table_or_checked_at_its_doors() -> None:
    in_table = {case.name.partition(":")[0].partition(" ")[0] for case in CASES}
    by_name = {name.rpartition(".")[2]: name for room in ROOMS for name in public_functions(room)}
    assert {by_name[name] for name in in_table} | DOORS.keys() == set(by_name.values())
    assert not {by_name[name] for name in in_table} & DOORS.keys()


@pytest.mark.parametrize("function", DOORS)
def test_the_doors_of_what_asks_nobody_refuse_who_has_no_role(function: str) -> None:
    for route in DOORS[function]:
        cells = [row for row in MATRIX if row["route"] == route and row["method"] != "OPTIONS"]
        assert cells
        assert {(row["anonymous"], row["no role"]) for row in cells} == {("401", "403")}


@pytest.mark.parametrize("room", CALLERS)
def test_nobody_else_calls_what_asks_nobody(room: str) -> None:
    root = Path(__file__).parents[3]
    callers = {
        ".".join(path.relative_to(root).with_suffix("").parts)
        for package in ("accounts", "flows", "imports", "ziggy_site")
        for path in (root / package).rglob("*.py")
        if room in imported_by(path)
    }
    assert callers - {room} == CALLERS[room]


def imported_by(path: Path) -> set[str]:
    """The modules of which the module at that path has a function, or the module itself."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
            if any(alias.name.islower() for alias in node.names):  # no constant and no class
                found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def test_every_right_that_the_imports_know_is_held_by_a_case_or_by_a_door() -> None:
    known = {
        value
        for name, value in vars(permissions).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str) and "." in value
    }
    known |= {by_hand(verb, kind) for verb in ("view", "add", "change", "delete") for kind in Kind}
    at_doors = {
        permissions.BACK_UP_DATABASE,
        permissions.VACUUM_DATABASE,
        permissions.TRANSFER_DATABASE,
    }
    assert {right for case in CASES for right in case.needs} == known - at_doors
