"""Values of ZIGGY of a wrong type: each is told by its key, and no key for secrets is shown."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import get_type_hints

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from flows import wrong_settings
from flows.conf import Ziggy
from flows.encryption import FERNET_KEYS
from flows.wrong_settings import find_wrong_settings, refuse_wrong_settings

KEY = Fernet.generate_key().decode()
PASSWORD = "CANARY-of-a-database"
WRONG = [
    (None, "The setting ZIGGY must be a dict, and is None."),
    ([], "The setting ZIGGY must be a dict, and is of the type list."),
    ("x", "The setting ZIGGY must be a dict, and is of the type str."),
    ({"SERVER_NAME": None}, "SERVER_NAME in the setting ZIGGY must be a text, and is None."),
    (
        {"BACKUP_DIR": None},
        "BACKUP_DIR in the setting ZIGGY must be a path, as a text or a Path, and is None.",
    ),
    (
        {"SERVERS": None},
        "SERVERS in the setting ZIGGY must be a dict whose keys are names, and is None.",
    ),
    (
        {"SERVERS": f"production=postgres://ada:{PASSWORD}@host/name"},
        "SERVERS in the setting ZIGGY must be a dict whose keys are names, and is of the type str.",
    ),
    (
        {"SERVERS": {1: "x"}},
        "SERVERS in the setting ZIGGY must be a dict whose keys are names, and holds something "
        "else.",
    ),
    ({"LOCK_WAIT": "x"}, "LOCK_WAIT in the setting ZIGGY must be a number, and is 'x'."),
    (
        {"HISTORY_DAYS": "x"},
        "HISTORY_DAYS in the setting ZIGGY must be a number or None, and is 'x'.",
    ),
    ({"LOCK_WAIT": True}, "LOCK_WAIT in the setting ZIGGY must be a number, and is True."),
    (
        {"MAX_IMPORT_BYTES": "1"},
        "MAX_IMPORT_BYTES in the setting ZIGGY must be a whole number, and is '1'.",
    ),
    (
        {"MAX_IMPORT_BYTES": 1e6},
        "MAX_IMPORT_BYTES in the setting ZIGGY must be a whole number, and is 1000000.0.",
    ),
    (
        {"BACKUP_MAX_BYTES": "1"},
        "BACKUP_MAX_BYTES in the setting ZIGGY must be a whole number or None, and is '1'.",
    ),
    (
        {"CONFIRM_SERVER_NAME": "no"},
        "CONFIRM_SERVER_NAME in the setting ZIGGY must be True or False, and is 'no'.",
    ),
    (
        {"ATTEMPTS": {"login": 5}},
        "ATTEMPTS in the setting ZIGGY must be a dict of names, each with two whole numbers, and "
        "holds something else.",
    ),
    ({"ENCRYPTION_KEYS": KEY}, f"{FERNET_KEYS} It is of the type str."),
    ({"ENCRYPTION_KEYS": None}, f"{FERNET_KEYS} It is None."),
    ({"ENCRYPTION_KEYS": {KEY}}, f"{FERNET_KEYS} It is of the type set."),
    ({"ENCRYPTION_KEYS": [KEY.encode()]}, f"{FERNET_KEYS} It holds something else."),
    ({"ENCRYPTION_KEYS": [""]}, FERNET_KEYS),
    ({"ENCRYPTION_KEYS": [KEY, KEY[1:]]}, FERNET_KEYS),
]
RIGHT = [
    {},
    {"ENCRYPTION_KEYS": []},
    {"ENCRYPTION_KEYS": (KEY,)},
    {"BACKUP_DIR": "backups"},
    {"BACKUP_DIR": Path("backups")},
    {"LOCK_WAIT": 5, "BACKUP_DAYS": 0.5, "BACKUP_MAX_BYTES": None},
    {"SERVERS": {"production": None}, "ATTEMPTS": {"login": (1, 2), "backup": [3, 4]}},
    {"UNKNOWN": object()},
    MappingProxyType({"SERVER_NAME": "here"}),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_a_wrong_value_is_told_with_what_it_must_be_and_what_it_is(settings, given, message):
    settings.ZIGGY = given
    assert find_wrong_settings() == [message]
    assert KEY[1:] not in message
    assert PASSWORD not in message


@pytest.mark.parametrize("given", RIGHT)
def test_a_right_value_is_not_told(settings, given):
    settings.ZIGGY = given
    assert find_wrong_settings() == []
    refuse_wrong_settings()


def test_a_project_without_the_setting_has_no_wrong_value(settings):
    del settings.ZIGGY
    assert find_wrong_settings() == []


def test_the_defaults_are_right(settings):
    defaults = {name: getattr(Ziggy(), name) for name in (each.name for each in fields(Ziggy))}
    settings.ZIGGY = {**defaults, "ENCRYPTION_KEYS": [KEY]}
    assert find_wrong_settings() == []


def test_all_of_several_are_told(settings):
    settings.ZIGGY = {"LOCK_WAIT": "x", "SERVER_NAME": 1}
    assert [message.split()[0] for message in find_wrong_settings()] == ["SERVER_NAME", "LOCK_WAIT"]


def test_there_are_words_for_every_type():
    words: Mapping = wrong_settings._WORDS
    assert set(get_type_hints(Ziggy).values()) == set(words)


def test_a_long_text_is_cut(settings):
    settings.ZIGGY = {"LOCK_WAIT": "x" * 5000}
    [message] = find_wrong_settings()
    assert len(message) < 200


@pytest.mark.parametrize("given", [None, {"LOCK_WAIT": "x"}, {"ENCRYPTION_KEYS": [""]}])
def test_no_server_starts_with_a_wrong_value(settings, given):
    settings.ZIGGY = given
    with pytest.raises(ImproperlyConfigured, match="ZIGGY"):
        Client().get("/admin/login/")
