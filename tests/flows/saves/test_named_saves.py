"""Named saves: states of single items, as django-reversion itself would keep them."""

import json
from datetime import UTC, datetime

import pytest
import reversion
from cryptography.fernet import Fernet
from django.db import connection
from django.urls import reverse
from reversion.errors import RevertError
from reversion.models import Revision, Version

from flows.content.fields import Kind, get_columns
from flows.models import MODELS, Flow, Secret
from flows.saves import named_saves
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.pages import form_of

VALUE = "CANARY-5a7e-value"
LONG_AGO = datetime(2020, 2, 29, 12, 30, 15, 250_000, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def rich_flow():
    return FlowFactory(
        name='\u202eSMS <script>alert(1)</script> "é" 👨‍💻',
        info=None,
        tags='["a","é"]',
        listener_type="HTTP",
        is_valid=None,
        is_locked=True,
        timeout=2**62,
        execution_history_level="ALL",
        queue_uuid="q",
        tenant_id="",
        used_connections='["x"]',
        used_secrets="null",
        nodes='[{"data":{"code":"\\u0000\\n\u2028 1e300"},"id":"1","n":1e300}]',
        edges='[{"id":"e"}]',
        viewport='{"x":0.5}',
        extra='{"unknown":[1]}',
    )


def rich_connection():
    return ConnectionFactory(
        name="", is_core_platform=True, dev_value="{\r\n key: secrets.KEY }", prod_value=None
    )


def rich_secret():
    return SecretFactory(
        name="été_$", tags='["t"]', dev_value=VALUE, prod_value=f"{VALUE} 2", is_deleted=True
    )


def of_long_ago(make):
    """Its dates have no microseconds: django-reversion does not keep those."""

    def stored():
        item = make()
        item.created_at = item.updated_at = LONG_AGO
        type(item).objects.filter(pk=item.pk).update(created_at=LONG_AGO, updated_at=LONG_AGO)
        return item

    return stored


KINDS = pytest.mark.parametrize(
    "stored",
    [
        pytest.param(of_long_ago(rich_flow), id="flow"),
        pytest.param(of_long_ago(rich_connection), id="connection"),
        pytest.param(of_long_ago(rich_secret), id="secret"),
    ],
)


def row_of(item):
    """The columns as the database has them; of a sealed value, the token."""
    row = type(item).objects.filter(pk=item.pk).values().get()
    return {column: getattr(value, "token", value) for column, value in row.items()}


def blank(item):
    """Another content in every column, past save() and its signals, as an import writes it."""
    new = type(item)(name="BLANK")
    values = {name: getattr(new, name) for name in (*get_columns(item.kind), "is_deleted")}
    type(item).objects.filter(pk=item.pk).update(**values)


# --- what is saved


@KINDS
def test_a_save_is_what_reversion_itself_writes(stored):
    item = stored()
    with reversion.create_revision():
        reversion.set_comment("by reversion")
        item.save()
    named_saves.take(item, "by us")

    ours, theirs = Version.objects.all()
    assert json.loads(ours.serialized_data) == json.loads(theirs.serialized_data)
    for field in ("object_id", "content_type", "db", "format", "object_repr"):
        assert getattr(ours, field) == getattr(theirs, field)
    assert ours.field_dict == theirs.field_dict


@KINDS
def test_a_save_has_one_revision_of_its_own(stored, admin_user):
    item = stored()
    named_saves.take(FlowFactory(), "other")
    revision = named_saves.take(item, "Pre import", user=admin_user)

    revision.refresh_from_db()
    assert (revision.comment, revision.user) == ("Pre import", admin_user)
    assert [version.object for version in revision.version_set.all()] == [item]


def test_a_save_is_of_the_object_in_memory():
    flow = FlowFactory(name="stored")
    flow.name = "in memory"
    version = named_saves.take(flow, "save").version_set.get()
    assert version.field_dict["name"] == "in memory"
    assert Flow.objects.get().name == "stored"


def test_taking_a_save_writes_no_row():
    flow = rich_flow()
    before = row_of(flow)
    named_saves.take(flow, "save")
    assert row_of(flow) == before


def test_many_saves_come_in_the_order_of_the_items():
    flows = FlowFactory.create_batch(450)
    flows.reverse()
    revisions = named_saves.take_many(flows, "Pre import")
    assert [revision.version_set.get().object_id for revision in revisions] == [
        str(flow.pk) for flow in flows
    ]
    assert len({revision.pk for revision in revisions}) == Revision.objects.count() == 450


def test_no_items_make_no_save(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert named_saves.take_many([], "Pre import") == []


@pytest.mark.parametrize(
    ("items", "batches"),
    [pytest.param(200, 1, id="one batch"), pytest.param(1000, 5, id="five batches")],
)
def test_the_number_of_queries_depends_on_the_batches(items, batches, django_assert_num_queries):
    flows = FlowFactory.create_batch(items)
    named_saves.take(flows[0], "the content type is known from now on")
    around = ["SAVEPOINT", "RELEASE SAVEPOINT"]
    revisions, documents = batches, 1  # all flows here have the same two documents
    versions = int(connection.vendor == "sqlite")  # a COPY is not counted
    with django_assert_num_queries(len(around) + revisions + documents + versions):
        named_saves.take_many(flows, "Pre import")


# --- the list


def test_saves_are_listed_newest_first():
    flow, other = FlowFactory.create_batch(2)
    for name in ("first", "second", "third"):
        named_saves.take(flow, name)
    named_saves.take(other, "other")
    listed = named_saves.list_saves(flow)
    assert [version.revision.comment for version in listed] == ["third", "second", "first"]


def test_a_revision_without_a_name_is_not_listed():
    with reversion.create_revision():
        flow = FlowFactory()
    assert Version.objects.get_for_object(flow).count() == 1
    assert named_saves.list_saves(flow) == []


def test_saves_of_another_kind_under_the_same_key_are_not_listed():
    flow = FlowFactory()
    connection_ = ConnectionFactory(pk=flow.pk)
    named_saves.take(connection_, "of the connection")
    assert named_saves.list_saves(flow) == []


def test_listing_takes_one_query(django_assert_num_queries):
    flow = FlowFactory()
    for name in ("first", "second", "third"):
        named_saves.take(flow, name)
    with django_assert_num_queries(1):
        names = [version.revision.comment for version in named_saves.list_saves(flow)]
    assert len(names) == 3


# --- restoring


@KINDS
def test_restoring_puts_every_column_back(stored):
    item = stored()
    before = row_of(item)
    named_saves.take(item, "Pre import")
    blank(item)
    assert row_of(item) != before

    named_saves.restore(named_saves.list_saves(item)[0])

    assert row_of(item) == before


@pytest.mark.parametrize("kind", list(Kind))
def test_restoring_touches_that_item_alone(kind):
    model = MODELS[kind]
    items = [model.objects.create(name=name) for name in ("A", "B", "C")]
    named_saves.take_many(items, "Pre import")
    model.objects.update(extra='{"later":true}')

    named_saves.restore(named_saves.list_saves(items[1])[0])

    rows = model.objects.order_by("name").values_list("name", "extra")
    assert list(rows) == [("A", '{"later":true}'), ("B", "{}"), ("C", '{"later":true}')]


def test_restoring_touches_that_item_alone_also_out_of_a_shared_revision():
    with reversion.create_revision():
        reversion.set_comment("by somebody else")
        one, two = FlowFactory.create_batch(2)
    Flow.objects.update(info="later")

    named_saves.restore(named_saves.list_saves(one)[0])

    assert (row_of(one)["info"], row_of(two)["info"]) == ("", "later")


def test_taking_and_restoring_a_save_of_a_stored_secret_needs_no_key(settings):
    secret = SecretFactory(dev_value=VALUE)
    before = row_of(secret)
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
    version = named_saves.take(Secret.objects.get(), "Pre import").version_set.get()
    Secret.objects.update(description="later")
    named_saves.restore(version)
    assert row_of(secret) == before


def test_a_row_that_is_gone_comes_back():
    flow = of_long_ago(rich_flow)()
    named_saves.take(flow, "save")
    version, before = named_saves.list_saves(flow)[0], row_of(flow)
    Flow.objects.all().delete()
    named_saves.restore(version)
    assert row_of(flow) == before


def test_a_save_whose_name_is_taken_meanwhile_is_refused_and_changes_nothing():
    secret = SecretFactory(name="KEY")
    named_saves.take(secret, "Pre import")
    Secret.objects.update(name="RENAMED")
    SecretFactory(name="KEY")

    with pytest.raises(RevertError) as raised:
        named_saves.restore(named_saves.list_saves(secret)[0])

    assert str(raised.value) == (
        "The save of KEY does not fit the database any more, "
        "for example because another item has its name now."
    )
    assert row_of(secret)["name"] == "RENAMED"


# --- the admin's history


def admin_url(item, page, *args):
    return reverse(f"admin:flows_{item._meta.model_name}_{page}", args=[item.pk, *args])


@KINDS
def test_the_history_page_shows_the_save(stored, admin_client, admin_user):
    item = stored()
    version = named_saves.take(item, "Pre import <b>", user=admin_user).version_set.get()
    page = admin_client.get(admin_url(item, "history")).content.decode()
    assert "Pre import &lt;b&gt;" in page
    assert admin_url(item, "revision", version.pk) in page
    assert admin_user.get_username() in page


@KINDS
def test_looking_at_a_save_in_the_admin_changes_nothing(stored, admin_client):
    item = stored()
    version = named_saves.take(item, "Pre import").version_set.get()
    type(item).objects.filter(pk=item.pk).update(extra='{"later":true}')
    before, revisions = row_of(item), Revision.objects.count()

    response = admin_client.get(admin_url(item, "revision", version.pk))

    assert response.status_code == 200
    form = response.context["adminform"].form
    assert form.instance.extra == item.extra
    assert (row_of(item), Revision.objects.count()) == (before, revisions)


@KINDS
def test_a_save_is_restored_in_the_admin(stored, admin_client):
    item = stored()
    saved = row_of(item)
    version = named_saves.take(item, "Pre import").version_set.get()
    blank(item)
    url = admin_url(item, "revision", version.pk)

    response = admin_client.post(url, form_of(admin_client.get(url)))

    assert response.status_code == 302
    restored = row_of(item)
    assert restored.pop("updated_at") > saved.pop("updated_at")
    assert (restored.pop("updated_by"), saved.pop("updated_by")) == ("admin", "")
    assert restored == saved


def test_restoring_one_item_in_the_admin_leaves_the_others(admin_client):
    one, two = FlowFactory.create_batch(2)
    named_saves.take_many([one, two], "Pre import")
    Flow.objects.update(info="later")
    url = admin_url(one, "revision", named_saves.list_saves(one)[0].pk)

    admin_client.post(url, form_of(admin_client.get(url)))

    assert (row_of(one)["info"], row_of(two)["info"]) == ("", "later")
