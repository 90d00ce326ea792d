"""Every warning of a record has a code and data: those of earlier records had only their texts.

The texts are read here once, as the releases before wrote them.
"""

import re

from django.db import migrations, models

_BATCH = 500

_WHO = r"The (?P<kind>flow|connection|secret) \"(?P<name>.*)\""
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DAY = r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}"
# By the code of a warning, its text; a group is data under its name. The first that fits counts.
_TEXTS = [
    (code, re.compile(pattern, re.DOTALL))
    for code, pattern in (
        ("gone", rf"{_WHO} is not on this server any more: it was purged\."),
        (
            "no-save",
            rf"{_WHO} has no readable named save any more from before run (?P<record>\d+)\.",
        ),
        ("deleted-since", rf"{_WHO} was deleted since, last.*\."),
        ("restored-since", rf"{_WHO} was brought back since, last.*\."),
        ("overwritten-since", rf"{_WHO} was written again by the (?:import|undo) .*\."),
        ("edited-since", rf"{_WHO} was edited since, last.*\."),
        ("used", r"The .* is used by .*, which would refer to nothing\."),
        ("name-taken", r"The secret .* cannot be named .* again: that is the name of .* now\."),
        ("secret-renamed-in-use", r"secrets\.(?P<name>.*) will lead to nothing, and is used by .*"),
        (
            "dangling-reference",
            rf"dangling reference to (?P<kind>flow|connection|secret) (?P<target>{_UUID})",
        ),
        ("dangling-reference", r"dangling reference to secrets\.(?P<target>.*)"),
        ("dangling-reference", r"dangling reference to .*"),
        ("edited-here", rf"edited on this server.* since its last import on {_DAY} UTC"),
        ("older-file", r"older than what was imported last: this file's is of .*"),
        ("renames", r"renames \".*\" to \".*\""),
        ("shared-name", r"another .* on this server is named .* too: .*"),
        ("shared-name", r"will share the name .* with the .*"),
        ("brought-back", r"brings back a deleted (?P<kind>flow|connection|secret)"),
        ("deletion-ignored", r"(?P<key>isDeleted) is ignored: an import never deletes"),
        ("value-ignored", r"(?P<key>.*) is ignored: an import never sets a secret's value"),
        (
            "value-ignored",
            r"(?P<key>.*) is ignored: what is under an unknown key of a secret may be its value",
        ),
        ("no-value", r"has no value yet"),
        (
            "no-name",
            r"this (?P<kind>flow|connection|secret) has no name, so that it is matched by its "
            r"uuid only",
        ),
    )
]
_OF_DESTINATIONS = {"secret-to-new-destination", "code-uses-secret"}


def give_codes(apps, schema_editor):
    """Give every warning its code, and what its text says plainly as data; else "other"."""
    _change(apps, schema_editor, _with_codes)


def take_codes(apps, schema_editor):
    """Leave the warnings of new destinations: the release before knows the data of no others."""
    _change(apps, schema_editor, _of_destinations)


def _with_codes(item):
    known = {detail["text"]: detail for detail in item.warning_details}
    return [known.get(text) or _detail(text) for text in item.warnings]


def _of_destinations(item):
    return [detail for detail in item.warning_details if detail["code"] in _OF_DESTINATIONS]


def _change(apps, schema_editor, details_of):
    items = apps.get_model("imports", "ImportItem").objects.using(schema_editor.connection.alias)
    warned = items.exclude(warnings=[]).only("warnings", "warning_details").order_by("pk")
    last = 0
    while batch := list(warned.filter(pk__gt=last)[:_BATCH]):
        last = batch[-1].pk
        for item in batch:
            item.warning_details = details_of(item)
        items.bulk_update(batch, ["warning_details"])


def _detail(text):
    for code, pattern in _TEXTS:
        if match := pattern.fullmatch(text):
            return {"code": code, "text": text, "isSerious": False, "data": _data(code, match)}
    return {"code": "other", "text": text, "isSerious": False, "data": {}}


def _data(code, match):
    data = match.groupdict()
    if "record" in data:
        data["record"] = int(data["record"])
    if code == "dangling-reference" and "target" in data:
        data.setdefault("kind", "secret")
    return data


class Migration(migrations.Migration):
    dependencies = [("imports", "0012_help_texts")]

    operations = [
        migrations.AlterField(
            model_name="importitem",
            name="warning_details",
            field=models.JSONField(
                default=list, help_text="The warnings as programs know them: code, text and data."
            ),
        ),
        migrations.RunPython(give_codes, take_codes),
    ]
