"""A GET writes nothing and takes no lock: every address of the site, in several roles."""

import re

import pytest
from django.db import connection as database
from django.test import Client

from flows.roles import Role
from imports.models import ImportRecord
from tests.support.walking import addresses, bearer, stored_things, user_in

pytestmark = pytest.mark.django_db(transaction=True)

# Each with the reason why it may.
MAY_WRITE = {
    "/api/flow/vacuum": "by the wire contract it purges deleted rows",
    "/api/auth/logout/": "by the wire contract it revokes the token",
}
_WRITES = re.compile(
    r"\s*(INSERT|UPDATE|DELETE|REPLACE|MERGE|COPY|WITH\b.*\b(INSERT|UPDATE|DELETE)|CREATE|DROP|ALTER"
    r"|TRUNCATE|BEGIN(?! DEFERRED)|SAVEPOINT|LOCK|SELECT\b.*\bFOR UPDATE)\b",
    re.IGNORECASE | re.DOTALL,
)


class Watch:
    """What is written to the database while it watches."""

    def __init__(self):
        self.statements = []

    def __call__(self, execute, sql, params, many, context):
        if _WRITES.match(str(sql)):
            self.statements.append(str(sql)[:80])
        return execute(sql, params, many, context)


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("role", [None, Role.EDITOR, Role.PLANNER, Role.OPERATOR], ids=str)
def test_no_statement_of_a_get_writes_or_locks(role, method):
    user = user_in(role)
    client = Client(raise_request_exception=False)
    walked = addresses(stored_things(user))
    headers = bearer(user)
    client.force_login(user)
    wrote, statuses = {}, {}
    for address in walked:
        if address.startswith(tuple(MAY_WRITE)):
            continue
        watch = Watch()
        with database.execute_wrapper(watch):
            answer = getattr(client, method)(address, headers=headers)
            if answer.streaming and method == "get":
                answer.getvalue()
        statuses[address] = answer.status_code
        if watch.statements:
            wrote[address] = watch.statements
    assert wrote == {}
    assert sum(status == 200 for status in statuses.values()) > (50 if role is None else 30)
    assert {address for address, status in statuses.items() if status >= 500} == set()


def test_looking_at_an_item_of_an_upload_leaves_no_record_where_it_is_refused():
    root = user_in(None)
    things = stored_things(root)
    client = Client()
    client.force_login(root)
    before = ImportRecord.objects.count()
    page = f"/admin/imports/importrecord/import/{things['upload'].pk}/flow/"
    root.is_superuser = False
    root.save()
    for name in ("run_import", "view_importrecord"):
        root.user_permissions.add(_permission(name))
    root.user_permissions.add(_permission("view_flow"))
    answer = client.get(f"{page}{things['upload'].pk}/")
    uuid = "ffffffff-0000-4000-8000-000000000001"
    answer = client.get(f"{page}{uuid}/")
    assert answer.status_code == 403
    assert ImportRecord.objects.count() == before


def _permission(codename):
    from django.contrib.auth.models import Permission  # noqa: PLC0415 - of this test alone

    return Permission.objects.get(codename=codename)
