"""What the documentation of the API says of kept plans, with its examples."""

from drf_spectacular.utils import OpenApiExample

from imports.api.runs import EXAMPLE_UUID

DESCRIPTION = """
The file is planned as by a dry run, and is kept with its plan until `expiresAt`, for others to look
at and to apply. Nothing is imported. Needs the permission `imports.plan_import`, and no other of an
import.

**The key.** The next plan of the same user with the same `key`, such as `repo#42`, replaces the
former one. Another user's plan with that key is 409 `key-taken`.

**Refused plans.** A plan that cannot be applied as it stands, such as for a name that several rows
have or a locked flow, is kept too, with its `refusal`: its page lets people decide. For a file that
cannot be read nothing is kept: there is no record, and a former plan with the key stays, whose
`commit` says what it is of.

**Sight.** A kept plan is seen by whoever may see records and the kinds of items that it tells of.
"""
APPLY_DESCRIPTION = """
What the kept plan says is done exactly, or nothing is: where a row that it is for was changed, the
answer is 409 `stale-plan`, whose `issues` list what changed. Needs the rights of an import. The
record names the user, and the plan with its key, link, title and commit as `origin`.

**Repeating.** A plan is applied once: after that, each call answers the same record, which
`Location` names. An `Idempotency-Key` is taken as by the import.

**The token.** Whoever may plan can decide otherwise on the page of a plan. With the `token` of the
plan that was looked at, another one is 409 `other-plan`.
"""
_SUMMARY = {
    "id": 7,
    "key": "repo#42",
    "link": "https://git.example.com/repo/pull/42",
    "title": "Shorter timeout",
    "commit": "1f0c2b9",
    "madeBy": "ci",
    "createdAt": "2026-03-16T17:10:06.000Z",
    "plannedAt": "2026-03-16T17:10:06.000Z",
    "expiresAt": "2026-04-15T17:10:06.000Z",
    "fileName": "flows.json",
    "fileSize": 20480,
    "fileSha256": "4ab006ca1d302fd4f3e484db5105ad26278b1c1c914b596a7b47a8a5e0cfe606",
    "mode": "overwrite",
    "overrideLocks": False,
    "counts": {"OVERWRITE": 1},
    "refusalCode": "",
    "record": None,
    "url": "https://flows.example.com/admin/imports/importrecord/import/7/",
}
_ITEM = {
    "uuid": EXAMPLE_UUID,
    "name": "SMS Test",
    "result": "OVERWRITE",
    "matchMethod": "uuid",
    "isProcessed": False,
}
PLAN = OpenApiExample(
    "A plan",
    {
        **_SUMMARY,
        "token": "c0535e4be2b79ffd93291305436bf889314e4a3faec05ecffcbb7df31ad9e51a",
        "refusal": None,
        "flowsProcessed": [_ITEM],
        "connectionsProcessed": [],
        "secretsProcessed": [],
    },
    response_only=True,
)
PAGE = OpenApiExample(
    "One", {"count": 1, "next": None, "previous": None, "results": [_SUMMARY]}, response_only=True
)
IN_MARKDOWN = OpenApiExample(
    "In Markdown",
    "**production**: 1 to overwrite, 260 unchanged\n",
    response_only=True,
    media_type="text/markdown",
)
APPLIED = OpenApiExample(
    "Applied",
    {
        "flowsProcessed": [{**_ITEM, "isProcessed": True}],
        "connectionsProcessed": [],
        "secretsProcessed": [],
    },
    response_only=True,
    status_codes=["201"],
)
