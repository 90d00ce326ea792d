"""The three kinds in Django's admin: pages, forms, rights, and values that are never shown."""

import json
import re
from html import unescape

import pytest
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from reversion.models import Version

from accounts.models import User
from flows.content.fields import Kind, get_columns
from flows.models import Connection, Flow, Secret
from flows.saves import named_saves
from tests.support.factories import FACTORIES, ConnectionFactory, FlowFactory, SecretFactory
from tests.support.pages import form_of
from tests.support.rows import row_of

VALUE = "CANARY-ad317-value"
NEW_VALUE = "CANARY-ad317-other"
RIGHT_TO_LEFT = "\u202eתרחיש \u2067SMS"
SCRIPT = "<script>alert(1)</script>"

DOCUMENTS = {
    Flow: {"tags": list, "nodes": list, "edges": list, "used_connections": list}
    | {"used_secrets": list, "viewport": dict, "extra": dict},
    Connection: {"extra": dict},
    Secret: {"tags": list},
}
KINDS = pytest.mark.parametrize("kind", ["flow", "connection", "secret"])
EVERY_DOCUMENT = pytest.mark.parametrize(
    ("kind", "column", "json_type"),
    [
        pytest.param(model._meta.model_name, column, json_type, id=f"{model.__name__}.{column}")
        for model, documents in DOCUMENTS.items()
        for column, json_type in documents.items()
    ],
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff_client(client):
    """Somebody who may log into the admin, and no more."""
    client.force_login(User.objects.create_user("staff", is_staff=True))
    return client


def url(kind, page, *args):
    return reverse(f"admin:flows_{kind}_{page}", args=args)


def save(client, item, **typed):
    """Open the change page, type, and press Save."""
    page = url(item._meta.model_name, "change", item.pk)
    return client.post(page, {**form_of(client.get(page)), **typed})


def add(client, kind, **typed):
    page = url(kind, "add")
    return client.post(page, {**form_of(client.get(page)), **typed})


def errors_of(response):
    assert response.status_code == 200, "the form was taken"
    return response.context["adminform"].form.errors


# --- pages


@KINDS
def test_the_list_shows_the_items(kind, admin_client):
    items = FACTORIES[kind].create_batch(3)
    page = admin_client.get(url(kind, "changelist"))
    assert page.status_code == 200
    for item in items:
        assert f'href="{url(kind, "change", item.pk)}' in page.content.decode()
        assert item.name in page.content.decode()


@KINDS
def test_a_longer_list_takes_no_more_queries(kind, admin_client):
    def number_of_queries():
        with CaptureQueriesContext(connection) as queries:
            admin_client.get(url(kind, "changelist"))
        return len(queries)

    FACTORIES[kind]()
    few = number_of_queries()
    FACTORIES[kind].create_batch(40)
    assert number_of_queries() == few


@KINDS
@pytest.mark.parametrize(
    "part",
    [
        pytest.param(lambda item: item.name, id="its name"),
        pytest.param(lambda item: str(item.uuid), id="its uuid"),
        pytest.param(lambda item: str(item.uuid).upper()[:22], id="a part of its uuid"),
    ],
)
def test_an_item_is_found_by(kind, part, admin_client):
    wanted, other = FACTORIES[kind](name="Wanted"), FACTORIES[kind](name="Other")
    wanted.__class__.objects.filter(pk=other.pk).update(uuid="00000000-1111-2222-3333-444444444444")
    page = admin_client.get(url(kind, "changelist"), {"q": part(wanted)})
    assert [*page.context["cl"].result_list] == [wanted]


@KINDS
def test_the_change_page_shows_the_item(kind, admin_client):
    item = FACTORIES[kind](extra='{"é":true}')
    page = admin_client.get(url(kind, "change", item.pk))
    text = unescape(page.content.decode())
    assert page.status_code == 200
    assert str(item.uuid) in text
    assert item.extra in text


@KINDS
def test_an_item_is_added(kind, admin_client):
    response = add(admin_client, kind, name="NEW")
    item = FACTORIES[kind]._meta.model.objects.get()
    assert response.url == url(kind, "changelist")
    assert item.name == "NEW"
    own = ("id", "uuid", "name", "created_at", "updated_at", "updated_by")
    fresh = FACTORIES[kind]._meta.model.objects.create(name="FRESH")
    assert row_of(item, *own) == row_of(fresh, *own)


def saved_by_its_form(client, kind, text):
    """A new item whose text is saved so, the column of that text, and the version that came of it."""
    item = FACTORIES[kind]()
    column = "info" if kind == "flow" else "description"
    save(client, item, **{column: text})
    return item, column, Version.objects.get_for_object(item).get()


@KINDS
def test_an_item_is_changed_and_the_change_is_in_its_history(kind, admin_client, admin_user):
    item, column, version = saved_by_its_form(admin_client, kind, "typed")
    assert row_of(item)[column] == version.field_dict[column] == "typed"
    assert version.revision.user == admin_user
    assert row_of(item)["updated_at"] > item.updated_at


@KINDS
@pytest.mark.parametrize("page", ["changelist", "change", "history", "delete", "saves"])
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param(RIGHT_TO_LEFT, RIGHT_TO_LEFT, id="right to left"),
        pytest.param(SCRIPT, "&lt;script&gt;alert(1)&lt;/script&gt;", id="a script"),
        pytest.param("\"'{{ 7 }}", "&quot;&#x27;{{ 7 }}", id="quotes and braces"),
        pytest.param("x" * 255, "x" * 99, id="a long name"),
        pytest.param("", "(no name) ", id="no name"),
    ],
)
def test_a_strange_name_is_shown_as_text(kind, page, name, shown, admin_client):
    item = FACTORIES[kind](name=name)  # past the form, which refuses most of them for a secret
    arguments = [] if page == "changelist" else [item.pk]
    text = admin_client.get(url(kind, page, *arguments)).content.decode()
    assert shown in text
    assert SCRIPT not in text


@pytest.mark.parametrize("kind", ["flow", "connection"])
@pytest.mark.parametrize("name", ["", RIGHT_TO_LEFT, SCRIPT])
def test_a_strange_name_can_be_given_to_what_is_no_secret(kind, name, admin_client):
    response = add(admin_client, kind, name=name)
    assert response.status_code == 302
    assert FACTORIES[kind]._meta.model.objects.get().name == name


# --- what a form leaves alone


def test_saving_a_flow_without_a_change_leaves_every_column(admin_client):
    flow = FlowFactory(
        name=" SMS\u3000",
        info=None,
        listener_type=None,
        is_subflow=None,
        timeout=None,
        execution_history_level=None,
        queue_uuid=None,
        tenant_id=None,
        used_connections=None,
        used_secrets="null",
        nodes='[{"code":"a\\r\\nb"}]',
    )
    before = row_of(flow, "updated_at", "updated_by")
    assert save(admin_client, flow).status_code == 302
    assert row_of(flow, "updated_at", "updated_by") == before


@pytest.mark.parametrize("value", ["{\n key: secrets.A\n}\n", "{\r\n}", " \t{}", None, ""])
def test_saving_a_connection_leaves_its_values_byte_for_byte(value, admin_client):
    stored = ConnectionFactory(dev_value=value, prod_value=value, description=value)
    before = row_of(stored, "name", "updated_at", "updated_by")
    assert save(admin_client, stored, name="Renamed").status_code == 302
    assert row_of(stored, "name", "updated_at", "updated_by") == before
    assert row_of(stored)["name"] == "Renamed"


def test_a_text_that_is_typed_has_the_line_ends_of_a_file(admin_client):
    stored = ConnectionFactory(dev_value="{\n}")
    save(admin_client, stored, dev_value="{\r\n key: 1\r\n}")
    assert row_of(stored)["dev_value"] == "{\n key: 1\n}"


def test_a_text_can_be_emptied(admin_client):
    stored = ConnectionFactory(dev_value="{}", description="x")
    save(admin_client, stored, dev_value="", description="")
    assert (row_of(stored)["dev_value"], row_of(stored)["description"]) == ("", "")


# --- documents


@EVERY_DOCUMENT
def test_invalid_json_is_an_error_at_its_field(kind, column, json_type, admin_client):
    item = FACTORIES[kind]()
    before = row_of(item)
    errors = errors_of(save(admin_client, item, **{column: '{"a":1'}))
    assert errors == {column: ["This is not valid JSON: Input data was truncated"]}
    assert row_of(item) == before


@EVERY_DOCUMENT
def test_json_of_another_type_is_an_error_at_its_field(kind, column, json_type, admin_client):
    other, words = {list: ("{}", "a list"), dict: ("[]", "an object")}[json_type]
    errors = errors_of(save(admin_client, FACTORIES[kind](), **{column: other}))
    assert errors == {column: [f"This must be {words} in JSON."]}


@EVERY_DOCUMENT
def test_a_document_is_stored_in_canonical_form(kind, column, json_type, admin_client):
    item = FACTORIES[kind]()
    typed = {list: ' [ {"b":1.0,\r\n"a":"é"} ]', dict: ' {"b":1.0,\r\n"a":"é"} '}[json_type]
    assert save(admin_client, item, **{column: typed}).status_code == 302
    assert row_of(item)[column] == {list: '[{"a":"é","b":1}]', dict: '{"a":"é","b":1}'}[json_type]


@EVERY_DOCUMENT
def test_a_document_that_is_emptied_is_the_empty_document(kind, column, json_type, admin_client):
    item = FACTORIES[kind](**{column: {list: '["x"]', dict: '{"x":1}'}[json_type]})
    assert save(admin_client, item, **{column: ""}).status_code == 302
    nullable = column.startswith("used_")
    assert row_of(item)[column] == (None if nullable else json.dumps(json_type()))


# --- secrets


def pages_of(client, secret):
    """Every page that knows the secret."""
    version = Version.objects.get_for_object(secret).first()
    return [
        client.get(address).content.decode()
        for address in (
            url("secret", "changelist"),
            url("secret", "change", secret.pk),
            url("secret", "history", secret.pk),
            url("secret", "delete", secret.pk),
            url("secret", "revision", secret.pk, version.pk),
            url("secret", "recoverlist"),
            reverse("admin:index"),
        )
    ]


@pytest.mark.parametrize("environment", ["dev_value", "prod_value"])
def test_a_value_is_set_and_appears_on_no_page(environment, admin_client):
    secret = SecretFactory()
    save(admin_client, secret, **{f"new_{environment}": VALUE})

    secret.refresh_from_db()
    sealed = getattr(secret, environment)
    assert sealed.reveal() == VALUE
    for page in pages_of(admin_client, secret):
        assert VALUE not in page
        assert sealed.token not in page
    assert VALUE not in str(list(LogEntry.objects.values()))
    assert VALUE not in str(list(Version.objects.values()))


def test_a_value_is_set_when_a_secret_is_added(admin_client):
    response = add(admin_client, "secret", name="KEY", new_dev_value=VALUE)
    assert VALUE not in admin_client.get(response.url).content.decode()
    secret = Secret.objects.get()
    assert (secret.dev_value.reveal(), secret.prod_value) == (VALUE, None)


def test_a_value_is_replaced(admin_client):
    secret = SecretFactory(dev_value=VALUE)
    save(admin_client, secret, new_dev_value=NEW_VALUE)
    assert Secret.objects.get().dev_value.reveal() == NEW_VALUE


def test_a_value_is_kept_where_its_field_is_left_empty(admin_client):
    secret = SecretFactory(dev_value=VALUE, prod_value=NEW_VALUE)
    save(admin_client, secret, description="changed", new_dev_value="", new_prod_value="")
    after = Secret.objects.get()
    assert after.description == "changed"
    assert after.dev_value.token == secret.dev_value.token
    assert after.prod_value.token == secret.prod_value.token


@pytest.mark.parametrize("value", [" ", f" {VALUE}\t", "<b>", "é\U0001f511"])
def test_a_value_is_taken_as_it_is_typed(value, admin_client):
    save(admin_client, SecretFactory(), new_prod_value=value)
    assert Secret.objects.get().prod_value.reveal() == value


def test_a_form_with_an_error_does_not_show_the_value_again(admin_client):
    secret = SecretFactory(dev_value=VALUE)
    response = save(admin_client, secret, name="no identifier", new_dev_value=NEW_VALUE)
    assert errors_of(response) == {
        "name": [
            "A secret's name must be a JavaScript identifier: letters, digits, _ and $, "
            "not beginning with a digit."
        ]
    }
    assert NEW_VALUE not in response.content.decode()
    assert Secret.objects.get().dev_value.token == secret.dev_value.token


def test_the_list_tells_which_secrets_have_a_value(admin_client):
    SecretFactory(dev_value=VALUE)
    page = admin_client.get(url("secret", "changelist")).content.decode()
    assert re.search('field-has_dev_value"><img [^>]*alt="True"', page)
    assert re.search('field-has_prod_value"><img [^>]*alt="False"', page)


def test_a_name_that_another_secret_has_is_an_error(admin_client):
    SecretFactory(name="KEY")
    errors = errors_of(add(admin_client, "secret", name="KEY"))
    assert errors == {"__all__": ["A secret with this name exists already."]}


def test_the_name_of_a_deleted_secret_is_free(admin_client):
    SecretFactory(name="KEY", is_deleted=True)
    assert add(admin_client, "secret", name="KEY").status_code == 302
    assert Secret.objects.filter(name="KEY").count() == 2


# --- soft-deleted rows


@KINDS
@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param({}, ["KEPT"], id="live, which is the default"),
        pytest.param({"state": "deleted"}, ["DELETED"], id="deleted"),
        pytest.param({"state": "all"}, ["DELETED", "KEPT"], id="all"),
    ],
)
def test_deleted_items_are_told_apart_by_the_filter(kind, query, names, admin_client):
    FACTORIES[kind](name="DELETED", is_deleted=True)
    FACTORIES[kind](name="KEPT")
    page = admin_client.get(url(kind, "changelist"), query)
    assert [item.name for item in page.context["cl"].result_list] == names
    assert ("DELETED (deleted)" in page.content.decode()) is ("DELETED" in names)


def test_the_filter_offers_the_three_states(admin_client):
    page = admin_client.get(url("flow", "changelist"))
    choices = list(page.context["cl"].filter_specs[0].choices(page.context["cl"]))
    assert [(choice["display"], choice["selected"]) for choice in choices] == [
        ("Live", True),
        ("Deleted", False),
        ("All", False),
    ]


@KINDS
def test_deleting_keeps_the_row(kind, admin_client, admin_user):
    item = FACTORIES[kind](name="GONE")
    before = row_of(item, "is_deleted", "updated_at", "updated_by")
    named_saves.take(item, "kept")
    page = admin_client.get(url(kind, "delete", item.pk)).content.decode()
    assert "it can be restored" in page

    answer = admin_client.post(url(kind, "delete", item.pk), {"post": "yes"})

    assert answer.url == url(kind, "changelist")
    assert row_of(item, "is_deleted", "updated_at", "updated_by") == before
    assert row_of(item)["is_deleted"] is True
    assert row_of(item)["updated_at"] > item.updated_at
    assert [save.revision.comment for save in named_saves.list_saves(item)] == ["kept"]
    entry = LogEntry.objects.get()
    assert (entry.action_flag, entry.object_id, entry.user) == (DELETION, str(item.pk), admin_user)


@KINDS
def test_the_confirmation_says_what_still_uses_the_item(kind, admin_client):
    item = FACTORIES[kind](name="USED")
    FlowFactory(nodes=f'[{{"uuid":"{item.uuid}"}}]')
    page = admin_client.get(url(kind, "delete", item.pk)).content.decode()
    assert "These still use it" in page
    assert "<li>1 flow</li>" in page


@KINDS
def test_what_is_deleted_is_not_deleted_again(kind, admin_client):
    item = FACTORIES[kind](is_deleted=True)
    before = row_of(item)
    for answer in (
        admin_client.get(url(kind, "delete", item.pk)),
        admin_client.post(url(kind, "delete", item.pk), {"post": "yes"}),
    ):
        assert answer.url == url(kind, "change", item.pk)
    assert row_of(item) == before
    assert LogEntry.objects.count() == 0


@KINDS
def test_the_selected_items_are_deleted(kind, admin_client):
    chosen = [FACTORIES[kind](name="A"), FACTORIES[kind](name="B")]
    kept = FACTORIES[kind](name="C")
    before = [row_of(item, "is_deleted", "updated_at", "updated_by") for item in chosen]
    data = {"action": "delete_selected", "_selected_action": [item.pk for item in chosen]}

    page = admin_client.post(url(kind, "changelist"), data).content.decode()
    assert "they can be restored" in page
    assert not row_of(chosen[0])["is_deleted"]
    admin_client.post(url(kind, "changelist"), {**data, "post": "yes"})

    assert [row_of(item, "is_deleted", "updated_at", "updated_by") for item in chosen] == before
    states = [row_of(item)["is_deleted"] for item in (*chosen, kept)]
    assert states == [True, True, False]
    assert sorted(LogEntry.objects.values_list("object_repr", "action_flag")) == [
        ("A", DELETION),
        ("B", DELETION),
    ]
    # One revision of both would restore both, where somebody restores one.
    assert Version.objects.count() == 0


@KINDS
def test_a_deleted_item_says_so_and_is_restored(kind, admin_client, admin_user):
    item = FACTORIES[kind](name="BACK", is_deleted=True)
    before = row_of(item, "is_deleted", "updated_at", "updated_by")
    address = url(kind, "undelete", item.pk)
    page = admin_client.get(url(kind, "change", item.pk)).content.decode()
    assert f"This {kind} is deleted." in page
    assert f'<form method="post" action="{address}">' in page
    assert url(kind, "delete", item.pk) not in page

    answer = admin_client.post(address)

    assert answer.url == url(kind, "change", item.pk)
    page = admin_client.get(answer.url).content.decode()
    assert f"The {kind} “BACK” is restored." in page
    assert "is deleted." not in page
    assert row_of(item, "is_deleted", "updated_at", "updated_by") == before
    assert row_of(item)["is_deleted"] is False
    assert row_of(item)["updated_at"] > item.updated_at
    entry = LogEntry.objects.get()
    assert (entry.get_change_message(), entry.user) == ("Restored.", admin_user)


@KINDS
def test_restoring_needs_a_post(kind, admin_client):
    item = FACTORIES[kind](is_deleted=True)
    assert admin_client.get(url(kind, "undelete", item.pk)).status_code == 405
    assert row_of(item)["is_deleted"] is True


def test_restoring_needs_the_token_of_its_form(admin_user):
    item = FlowFactory(is_deleted=True)
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert client.post(url("flow", "undelete", item.pk)).status_code == 403
    assert row_of(item)["is_deleted"] is True


def test_what_is_not_there_cannot_be_restored(admin_client):
    answer = admin_client.post(url("flow", "undelete", 999))
    assert answer.url == reverse("admin:index")


def test_a_secret_whose_name_is_taken_does_not_come_back(admin_client):
    deleted = SecretFactory(name="KEY", is_deleted=True)
    SecretFactory(name="KEY")
    answer = admin_client.post(url("secret", "undelete", deleted.pk), follow=True)
    assert [str(message) for message in answer.context["messages"]] == [
        "Not restored: “KEY”. Another secret has the name meanwhile. "
        "Rename or delete that one first."
    ]
    assert row_of(deleted)["is_deleted"] is True
    assert LogEntry.objects.count() == 0


@KINDS
def test_the_selected_items_are_restored(kind, admin_client):
    chosen = [FACTORIES[kind](name=name, is_deleted=True) for name in ("A", "B")]
    other = FACTORIES[kind](name="C", is_deleted=True)
    data = {"action": "restore_selected", "_selected_action": [item.pk for item in chosen]}
    answer = admin_client.post(f"{url(kind, 'changelist')}?state=deleted", data, follow=True)
    told = [str(message) for message in answer.context["messages"]]
    assert told[0] == f"Restored 2 {kind}s."
    assert len(told) == (2 if kind == "secret" else 1)  # a secret without a value is told of
    states = [row_of(item)["is_deleted"] for item in (*chosen, other)]
    assert states == [False, False, True]
    assert Version.objects.count() == 0


def test_of_two_selected_secrets_of_one_name_one_comes_back(admin_client):
    chosen = [SecretFactory(name="KEY", is_deleted=True) for _ in range(2)]
    data = {"action": "restore_selected", "_selected_action": [item.pk for item in chosen]}
    answer = admin_client.post(f"{url('secret', 'changelist')}?state=all", data, follow=True)
    told = [str(message) for message in answer.context["messages"]]
    assert [text[:16] for text in told] == [
        *("Restored 1 secre", "“KEY” has no val", "Not restored: “K"),
    ]
    assert Secret.objects.filter(is_deleted=False).count() == 1


@KINDS
def test_whether_an_item_is_deleted_is_no_field(kind, admin_client):
    item = FACTORIES[kind]()
    page = admin_client.get(url(kind, "change", item.pk))
    assert "is_deleted" not in page.context["adminform"].form.fields
    save(admin_client, item, is_deleted="on")
    assert row_of(item)["is_deleted"] is False


@KINDS
def test_deleted_items_have_one_way_back(kind, admin_client):
    """Not a second one, of what was deleted for good, beside the filter of deleted items."""
    FACTORIES[kind](is_deleted=True)
    page = admin_client.get(url(kind, "changelist")).content.decode()
    assert 'href="?state=deleted"' in page
    assert url(kind, "add") in page
    assert "recover" not in page.lower()
    assert admin_client.get(url(kind, "recoverlist")).status_code == 200


@pytest.mark.parametrize("column", ["nodes", "edges"])
@pytest.mark.parametrize("typed", ["5", "true", '"text"', "[" * 3_000 + "]" * 3_000])
def test_a_document_of_another_type_is_refused_beside_the_stored_picture(
    column, typed, admin_client
):
    flow = FlowFactory(nodes='[{"data":{"label":"Stored"},"id":"a"}]', edges="[]")
    before = row_of(flow)
    answer = save(admin_client, flow, **{column: typed})
    assert list(errors_of(answer)) == [column]
    assert ">Stored</text>" in answer.content.decode()
    assert row_of(flow) == before


# --- the list of flows


def listed(client, **query):
    page = client.get(url("flow", "changelist"), query)
    assert page.status_code == 200
    return [flow.name for flow in page.context["cl"].result_list]


@pytest.fixture
def tagged_flows():
    FlowFactory(name="A", tags='["sms","x"]', listener_type="HTTP", is_subflow=True)
    FlowFactory(name="B", tags='["SMS"]', is_locked=True)
    FlowFactory(name="C", tags='["not \\"sms\\""]')
    FlowFactory(name="D", tags='[{"sms":1}]')
    FlowFactory(name="E", tags="null")
    FlowFactory(name="F", tags='["sms","only deleted"]', is_deleted=True)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"tag": "sms"}, ["A"]),
        ({"tag": "SMS"}, ["B"]),
        ({"tag": 'not "sms"'}, ["C"]),
        ({"tag": '{"sms":1}'}, ["D"]),
        ({"tag": "sms", "state": "all"}, ["A", "F"]),
        ({"tag": "never"}, []),
        ({"listener_type": "HTTP"}, ["A"]),
        ({"is_subflow__exact": "1"}, ["A"]),
        ({"is_locked__exact": "1"}, ["B"]),
    ],
)
def test_flows_are_filtered_by(query, names, tagged_flows, admin_client):
    assert listed(admin_client, **query) == names


def test_the_tags_of_live_flows_are_offered(tagged_flows, admin_client):
    changelist = admin_client.get(url("flow", "changelist")).context["cl"]
    box = changelist.filter_specs[1]
    tags = ["SMS", 'not "sms"', "sms", "x", '{"sms":1}']
    assert [tag for tag, _ in box.lookup_choices] == tags
    assert [choice["display"] for choice in box.choices(changelist)] == ["All"]


@pytest.mark.parametrize(
    ("typed", "names", "links"),
    [
        ("x", ["A"], ["x"]),
        ("M", ["A", "B", "C", "D"], ["SMS", 'not "sms"', "sms", '{"sms":1}']),
        ("NOT", ["C"], ['not "sms"']),
        ("sms", ["A"], ["sms", "SMS", 'not "sms"', '{"sms":1}']),
        ("never", [], []),
        ("only", [], []),
        ("", ["A", "B", "C", "D", "E"], []),
    ],
)
def test_what_is_typed_and_is_no_tag_is_looked_for_in_the_tags(
    typed, names, links, tagged_flows, admin_client
):
    page = admin_client.get(url("flow", "changelist"), {"tag": typed, "q": "", "state": "all"})
    live = [row.name for row in page.context["cl"].result_list if not row.is_deleted]
    assert live == names
    changelist = page.context["cl"]
    choices = changelist.filter_specs[1].choices(changelist)
    assert [choice["display"] for choice in choices] == ["All", *links]


def test_the_box_of_tags_keeps_the_other_filters(tagged_flows, admin_client):
    page = admin_client.get(url("flow", "changelist"), {"state": "all", "q": "<A>", "tag": "x"})
    form = page.content.decode().partition('class="filter-box"')[2].partition("</form>")[0]
    assert '<input type="hidden" name="state" value="all">' in form
    assert '<input type="hidden" name="q" value="&lt;A&gt;">' in form
    assert 'name="tag" value="x"' in form
    assert form.count("<option") == 5


def test_an_empty_text_can_be_chosen_in_a_filter(tagged_flows, admin_client):
    changelist = admin_client.get(url("flow", "changelist")).context["cl"]
    choices = [choice["display"] for choice in changelist.filter_specs[2].choices(changelist)]
    assert choices == ["All", "(empty)", "HTTP"]
    assert listed(admin_client, listener_type="") == ["B", "C", "D", "E"]


def test_the_list_of_flows_shows_what_one_wants_to_know(admin_client):
    FlowFactory(
        name="Main", tags=f'["a","{SCRIPT}"]', listener_type="HTTP", is_valid=True, num_blocks=71
    )
    page = admin_client.get(url("flow", "changelist")).content.decode()
    cells = re.findall(r'class="field-([a-z_]+)[^>]*>(.*?)</t[dh]>', page)
    assert [name for name, _ in cells] == [
        "display_name",
        "shown_tags",
        "listener_type",
        "subflow",
        "locked",
        "valid",
        "blocks",
        "updated_at",
    ]
    assert dict(cells)["shown_tags"] == "a, &lt;script&gt;alert(1)&lt;/script&gt;"
    assert dict(cells)["blocks"] == "71"
    assert SCRIPT not in page


def test_the_list_does_not_read_the_documents(admin_client):
    FlowFactory()
    with CaptureQueriesContext(connection) as queries:
        admin_client.get(url("flow", "changelist"))
    assert not [query for query in queries if '"nodes"' in query["sql"]]


# --- the pages of the kinds


def headings(page):
    titles = re.findall(
        r'class="fieldset-heading"[^>]*>(.*?)</h2>', page.content.decode(), re.DOTALL
    )
    return [title.strip() for title in titles]


@pytest.mark.parametrize(
    ("kind", "titles"),
    [
        ("flow", ["Picture", "What it is", "Settings", "Documents", "Row"]),
        ("connection", ["What it is", "Where it leads", "Documents", "Row"]),
        ("secret", ["What it is", "Values", "Documents", "Row"]),
    ],
)
def test_a_page_is_in_groups(kind, titles, admin_client):
    page = admin_client.get(url(kind, "change", FACTORIES[kind]().pk))
    first = ["Where a value goes"] if kind == "secret" else []
    assert headings(page) == [*first, *titles, "Uses", "Used by"]
    page = admin_client.get(url(kind, "add"))
    assert headings(page) == [title for title in titles if title != "Picture"]


@KINDS
def test_every_column_of_content_is_on_its_page(kind, admin_client):
    page = admin_client.get(url(kind, "change", FACTORIES[kind]().pk))
    on_page = set(flatten_fieldsets(page.context["adminform"].fieldsets))
    assert set(get_columns(Kind(kind))) <= on_page


# --- clearing a secret's value


@pytest.mark.parametrize(
    ("column", "other"), [("dev_value", "prod_value"), ("prod_value", "dev_value")]
)
def test_a_value_is_cleared(column, other, admin_client):
    secret = SecretFactory(dev_value=VALUE, prod_value=VALUE)
    assert save(admin_client, secret, **{f"clear_{column}": "on"}).status_code == 302
    after = Secret.objects.get()
    assert getattr(after, column) is None
    assert getattr(after, other).token == getattr(secret, other).token


def test_a_value_is_either_new_or_cleared(admin_client):
    secret = SecretFactory(dev_value=VALUE)
    typed = {"new_dev_value": NEW_VALUE, "clear_dev_value": "on"}
    errors = errors_of(save(admin_client, secret, **typed))
    assert errors == {"new_dev_value": ["Either give a new value or clear the stored one."]}
    assert Secret.objects.get().dev_value.token == secret.dev_value.token


def test_who_may_only_view_a_secret_sees_whether_it_has_values(staff_client):
    secret = SecretFactory(dev_value=VALUE)
    User.objects.get().user_permissions.add(Permission.objects.get(codename="view_secret"))
    page = staff_client.get(url("secret", "change", secret.pk)).content.decode()
    assert re.search('field-has_dev_value.*?<img [^>]*alt="True"', page, re.DOTALL)
    assert re.search('field-has_prod_value.*?<img [^>]*alt="False"', page, re.DOTALL)
    assert "new_dev_value" not in page


# --- where a connection sends secrets


def test_pointing_a_connection_with_a_stored_secret_elsewhere_needs_a_right(staff_client):
    SecretFactory(name="KEY", dev_value=VALUE)
    stored = ConnectionFactory(dev_value='{ host: "a.example", token: secrets.KEY, timeout: 1 }')
    user = User.objects.get()
    rights = Permission.objects.filter(codename__in=["view_connection", "change_connection"])
    user.user_permissions.set(rights)
    typed = {"dev_value": stored.dev_value.replace("a.example", "b.example")}

    errors = errors_of(save(staff_client, stored, **typed))

    assert errors == {
        "__all__": [
            "This sends the stored secret to another destination: "
            "secrets.KEY -> a.example -> b.example. "
            "This needs the permission imports.retarget_connections."
        ]
    }
    assert "a.example" in row_of(stored)["dev_value"]
    harmless = {"dev_value": stored.dev_value.replace("timeout: 1", "timeout: 2")}
    assert save(staff_client, stored, **harmless).status_code == 302
    user.user_permissions.add(Permission.objects.get(codename="retarget_connections"))
    assert save(staff_client, stored, **typed).status_code == 302
    assert "b.example" in row_of(stored)["dev_value"]


# --- rights


def addresses(kind, pk):
    return [
        url(kind, "changelist"),
        url(kind, "add"),
        *(url(kind, page, pk) for page in ("change", "history", "delete")),
        *(url(kind, page, pk) for page in ("undelete", "saves", "compare_saves")),
        url(kind, "restore_save", pk, 1),
        url(kind, "recoverlist"),
    ]


def answers_of(client, kind, item):
    """Every address of the item's, with what it says when it is asked for and when it is sent to."""
    for address in addresses(kind, item.pk):
        yield address, client.get(address)
        yield address, client.post(address, {"name": "NEW"})


@KINDS
def test_anonymous_people_are_sent_to_the_login(kind, client):
    item = FACTORIES[kind](name="HIDDEN")
    before = row_of(item)
    for address, response in answers_of(client, kind, item):
        assert response.status_code == 302
        assert response.url == f"{reverse('admin:login')}?next={address}"
    assert row_of(item) == before


@KINDS
def test_staff_without_permission_are_refused(kind, staff_client):
    item = FACTORIES[kind](name="HIDDEN")
    before = row_of(item)
    for _address, response in answers_of(staff_client, kind, item):
        assert response.status_code == 403
        assert "HIDDEN" not in response.content.decode()
    assert row_of(item) == before
    assert type(item).objects.count() == 1


@KINDS
def test_staff_who_may_only_view_cannot_change(kind, staff_client):
    item = FACTORIES[kind](name="SHOWN")
    before = row_of(item)
    User.objects.get().user_permissions.add(Permission.objects.get(codename=f"view_{kind}"))

    page = staff_client.get(url(kind, "change", item.pk))
    answers = [
        staff_client.post(url(kind, "change", item.pk), {"name": "NEW"}),
        staff_client.post(url(kind, "add"), {"name": "NEW"}),
        staff_client.post(url(kind, "delete", item.pk), {"post": "yes"}),
        staff_client.post(url(kind, "undelete", item.pk)),
        staff_client.post(url(kind, "saves", item.pk), {"name": "NEW"}),
    ]

    assert "SHOWN" in page.content.decode()
    assert [answer.status_code for answer in answers] == [403, 403, 403, 403, 403]
    assert row_of(item) == before
    assert Version.objects.count() == 0


def test_staff_who_may_only_view_see_no_value(staff_client):
    secret = SecretFactory(dev_value=VALUE)
    User.objects.get().user_permissions.add(Permission.objects.get(codename="view_secret"))
    for address in (url("secret", "changelist"), url("secret", "change", secret.pk)):
        response = staff_client.get(address)
        assert response.status_code == 200
        assert VALUE not in response.content.decode()
        assert secret.dev_value.token not in response.content.decode()


@KINDS
def test_staff_without_permission_do_not_restore_a_save(kind, staff_client, admin_client):
    item, column, version = saved_by_its_form(admin_client, kind, "before")
    type(item).objects.update(**{column: "after"})
    address = url(kind, "revision", item.pk, version.pk)

    answers = (staff_client.get(address), staff_client.post(address, {"name": "NEW"}))

    assert [answer.status_code for answer in answers] == [403, 403]
    assert row_of(item)[column] == "after"
