"""Named saves in the admin: listed, taken, compared, restored, and who may do what."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from reversion.models import Revision, Version

from accounts.models import User
from flows.models import Connection, Flow
from flows.saves import named_saves
from tests.support.factories import FACTORIES, ConnectionFactory, FlowFactory, SecretFactory
from tests.support.pages import as_opened
from tests.support.rows import row_of

VALUE = "CANARY-5ad1-value"
NEW_VALUE = "CANARY-5ad1-other"
SCRIPT = "<script>alert(1)</script>"
LONG_AGO = datetime(2020, 2, 29, 12, 30, 15, 250_000, tzinfo=UTC)
TEXTS = {"flow": "info", "connection": "description", "secret": "description"}
KINDS = pytest.mark.parametrize("kind", ["flow", "connection", "secret"])

pytestmark = pytest.mark.django_db


def url(item, page, *args):
    return reverse(f"admin:flows_{item.kind}_{page}", args=[item.pk, *args])


def saved(item, name="save"):
    return named_saves.take(item, name).version_set.get().pk


def change(item, **values):
    type(item).objects.filter(pk=item.pk).update(**values)


def names_of(item):
    return [save.revision.comment for save in named_saves.list_saves(item)]


def messages_of(response):
    return [str(message) for message in response.context["messages"]]


def text_of(response):
    """The page's text as a reader sees it, on one line."""
    assert response.status_code == 200
    return " ".join(unescape(re.sub("<[^>]*>", "", response.content.decode())).split())


def compare(client, item, before, after="now"):
    return client.get(url(item, "compare_saves"), {"before": before, "after": after})


# --- the list


@KINDS
def test_the_page_of_an_item_leads_to_its_saves(kind, admin_client):
    item = FACTORIES[kind]()
    page = admin_client.get(url(item, "change")).content.decode()
    assert f'<a href="{url(item, "saves")}">Named saves</a>' in page


@KINDS
def test_saves_are_listed_newest_first(kind, admin_client, admin_user):
    item = FACTORIES[kind]()
    first = saved(item, f"first {SCRIPT}")
    named_saves.take(item, "second", user=admin_user)
    saved(FACTORIES[kind](), "of another")

    response = admin_client.get(url(item, "saves"))

    page = response.content.decode()
    rows = re.findall(
        r'<th scope="row">(.*?)</th>.*?<td class="when">.*?</td>\s*<td>(.*?)</td>', page, re.DOTALL
    )
    assert rows == [
        ("Now", ""),
        ("<bdi>second</bdi>", f"<bdi>{admin_user.username}</bdi>"),
        ("<bdi>first &lt;script&gt;alert(1)&lt;/script&gt;</bdi>", "&mdash;"),
    ]
    assert url(item, "restore_save", first) in page
    assert SCRIPT not in page


def test_a_list_without_saves_says_so(admin_client):
    response = admin_client.get(url(FlowFactory(), "saves"))
    assert "There is no named save yet." in text_of(response)


def test_a_longer_list_takes_no_more_queries(admin_client, admin_user):
    flow = FlowFactory()

    def number_of_queries():
        with CaptureQueriesContext(database) as queries:
            admin_client.get(url(flow, "saves"))
        return len(queries)

    named_saves.take(flow, "a", user=admin_user)
    few = number_of_queries()
    for name in "bcdefg":
        named_saves.take(flow, name, user=admin_user)
    assert number_of_queries() == few


def test_saves_come_in_pages_of_a_hundred(admin_client):
    flow = FlowFactory()
    for number in range(1, 103):
        saved(flow, f"save {number}")

    def listed(**query):
        page = admin_client.get(url(flow, "saves"), query).content.decode()
        assert page.count(" checked ") == 2
        return re.findall(r'<th scope="row">(?:<bdi>)?(.*?)<', page), page

    names, page = listed()
    assert names == ["Now", *(f"save {number}" for number in range(102, 2, -1))]
    assert '<a href="?page=2" aria-label="Page 2">2</a>' in page
    assert listed(page=2)[0] == ["Now", "save 2", "save 1"]
    for nonsense in ("0", "x", "9" * 5000, "\0", "-1"):
        assert listed(page=nonsense)[0][0] == "Now"


def test_few_saves_are_one_page(admin_client):
    flow = FlowFactory()
    for number in range(3):
        saved(flow, f"save {number}")
    assert "paginator" not in admin_client.get(url(flow, "saves")).content.decode()


# --- taking


@KINDS
def test_a_save_is_taken(kind, admin_client, admin_user):
    item = FACTORIES[kind]()
    before = row_of(item)

    answer = admin_client.post(url(item, "saves"), {"name": "Before <b>"}, follow=True)

    assert answer.redirect_chain == [(url(item, "saves"), 302)]
    assert messages_of(answer) == ["The save “Before <b>” is taken."]
    (save,) = named_saves.list_saves(item)
    assert (save.revision.comment, save.revision.user) == ("Before <b>", admin_user)
    assert row_of(item) == before
    entry = LogEntry.objects.get()
    assert entry.get_change_message() == "Took the named save “Before <b>”."
    assert (entry.object_id, entry.user) == (str(item.pk), admin_user)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "This field is required."),
        ("  ", "This field is required."),
        ("x" * 256, "Ensure this value has at most 255 characters (it has 256)."),
        ("a\0", "Null characters are not allowed."),
    ],
)
def test_a_wrong_name_is_an_error_at_its_field(name, error, admin_client):
    flow = FlowFactory()
    answer = admin_client.post(url(flow, "saves"), {"name": name})
    assert answer.context["form"].errors == {"name": [error]}
    assert error in text_of(answer)
    assert Revision.objects.count() == 0


# --- comparing


def test_two_saves_are_compared(admin_client):
    flow = FlowFactory(info="one", nodes='[{"id":"1","data":{"label":"Old"}}]')
    first = saved(flow, "first")
    flow.info, flow.nodes = "two", '[{"id":"1","data":{"label":"New"}}]'
    second = saved(flow, "second")
    change(flow, info="three", nodes="[]")

    response = compare(admin_client, flow, first, second)

    page, text = response.content.decode(), text_of(response)
    assert "From first (" in text
    assert ") to second (" in text
    assert page.count(' data-canvas="') == 2
    assert "Old" in page
    assert "New" in page
    assert ("one" in text, "two" in text, "three" in text) == (True, True, False)


@KINDS
def test_a_save_is_compared_with_now(kind, admin_client):
    column = TEXTS[kind]
    item = FACTORIES[kind](**{column: "it was so"})
    number = saved(item, "save")
    assert "The content is the same." in text_of(compare(admin_client, item, number))
    change(item, **{column: "it is thus"})
    text = text_of(compare(admin_client, item, number))
    assert ("it was so" in text, "it is thus" in text) == (True, True)
    assert "The content is the same." not in text


@pytest.mark.parametrize(
    "chosen", ["", "x", "-1", "0", "999999", "²", "9" * 18, "9" * 30, "9" * 5000, "1.0"]
)
def test_what_is_no_save_of_the_item_is_not_found(chosen, admin_client):
    assert compare(admin_client, FlowFactory(), chosen).status_code == 404


def test_a_save_of_another_item_is_not_found(admin_client):
    flow, other = FlowFactory(), FlowFactory()
    connection = ConnectionFactory(pk=flow.pk)
    for number in (saved(other), saved(connection)):
        assert compare(admin_client, flow, number).status_code == 404
        for send in (admin_client.get, admin_client.post):
            assert send(url(flow, "restore_save", number)).status_code == 404


def test_a_state_of_when_it_was_deleted_says_so(admin_client):
    flow = FlowFactory(is_deleted=True)
    number = saved(flow)
    change(flow, is_deleted=False)
    assert "The flow is live again." in text_of(compare(admin_client, flow, number))
    assert "The flow becomes deleted." in text_of(compare(admin_client, flow, "now", number))


def test_a_connections_credentials_are_not_shown(admin_client):
    connection = ConnectionFactory(dev_value='{ password: "CANARY-hunter2" }')
    number = saved(connection)
    change(connection, dev_value='{ password: "CANARY-hunter3" }')
    page = compare(admin_client, connection, number).content.decode()
    assert "CANARY-hunter" not in page


def test_a_save_that_cannot_be_read_any_more_is_told(admin_client):
    flow = FlowFactory()
    number = saved(flow)
    Version.objects.update(serialized_data="[{]")
    before = row_of(flow)
    for answer in (
        admin_client.get(url(flow, "compare_saves"), {"before": number}, follow=True),
        admin_client.get(url(flow, "restore_save", number), follow=True),
        admin_client.post(url(flow, "restore_save", number), as_opened(flow), follow=True),
    ):
        assert answer.redirect_chain == [(url(flow, "saves"), 302)]
        assert len(messages_of(answer)) == 1
    assert row_of(flow) == before
    assert names_of(flow) == ["save"]


# --- restoring


@KINDS
def test_a_restore_asks_first_and_shows_what_would_change(kind, admin_client):
    column = TEXTS[kind]
    item = FACTORIES[kind](**{column: "it was so"})
    number = saved(item, SCRIPT)
    change(item, **{column: "it is thus"})
    before = row_of(item)

    response = admin_client.get(url(item, "restore_save", number))

    text = text_of(response)
    assert ("it was so" in text, "it is thus" in text) == (True, True)
    assert "The present state is saved before, as “Pre restore”." in text
    assert ("The values of the secret stay as they are" in text) is (kind == "secret")
    assert SCRIPT not in response.content.decode()
    assert row_of(item) == before
    assert names_of(item) == [SCRIPT]


@KINDS
def test_restoring_brings_the_state_back_and_saves_the_one_before(kind, admin_client, admin_user):
    item = FACTORIES[kind](extra='{"k":true}')
    exact = LONG_AGO.replace(microsecond=123456)
    change(item, created_at=exact, updated_at=LONG_AGO)
    number = saved(type(item).objects.get(), "then")
    change(item, extra='{"k":false}', name="TODAY")

    answer = admin_client.post(url(item, "restore_save", number), as_opened(item), follow=True)

    assert answer.redirect_chain == [(url(item, "saves"), 302)]
    assert messages_of(answer) == [
        "The save “then” is restored. What was before is the save “Pre restore”."
    ]
    row = row_of(item)
    assert (row["extra"], row["name"], row["created_at"]) == ('{"k":true}', item.name, exact)
    assert row["updated_at"] > LONG_AGO
    newest = named_saves.list_saves(item)[0]
    assert (newest.revision.comment, newest.revision.user) == ("Pre restore", admin_user)
    assert newest.field_dict["name"] == "TODAY"
    assert Revision.objects.count() == 2
    entry = LogEntry.objects.get()
    assert entry.get_change_message() == "Restored the named save “then”."


@KINDS
def test_what_the_page_did_not_show_is_not_restored_over(kind, admin_client):
    item = FACTORIES[kind](description="saved") if kind != "flow" else FACTORIES[kind](info="saved")
    column = "info" if kind == "flow" else "description"
    number = saved(item)
    change(item, **{column: "shown"})
    address = url(item, "restore_save", number)
    opened_on = admin_client.get(address).context["state"]
    change(item, **{column: "edited meanwhile"})
    for sent in ({"opened_on": opened_on}, {}):
        answer = admin_client.post(address, sent, follow=True)
        assert messages_of(answer) == [
            f"The {kind} was changed since this page was opened. Nothing was restored: look below "
            "at what would change now."
        ]
        assert "edited meanwhile" in text_of(answer)
        assert (row_of(item)[column], names_of(item)) == ("edited meanwhile", ["save"])
    admin_client.post(address, {"opened_on": answer.context["state"]})
    assert row_of(item)[column] == "saved"


def test_restoring_touches_no_other_item(admin_client):
    flow, other = FlowFactory(), FlowFactory()
    number = saved(flow)
    saved(other)
    Flow.objects.update(info="later")
    admin_client.post(url(flow, "restore_save", number), as_opened(flow))
    assert (row_of(flow)["info"], row_of(other)["info"]) == ("", "later")


def test_a_secret_whose_name_is_taken_meanwhile_stays_as_it_is(admin_client):
    secret = SecretFactory(name="KEY")
    number = saved(secret)
    change(secret, name="RENAMED")
    SecretFactory(name="KEY")
    answer = admin_client.post(url(secret, "restore_save", number), as_opened(secret), follow=True)
    assert messages_of(answer) == [
        "The save of KEY does not fit the database any more, "
        "for example because another item has its name now."
    ]
    assert row_of(secret)["name"] == "RENAMED"
    assert names_of(secret) == ["save"]
    assert LogEntry.objects.count() == 0


def test_restoring_needs_the_token_of_its_form(admin_user):
    flow = FlowFactory()
    number = saved(flow)
    change(flow, info="later")
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    assert client.post(url(flow, "restore_save", number), as_opened(flow)).status_code == 403
    assert client.post(url(flow, "saves"), {"name": "x"}).status_code == 403
    assert (row_of(flow)["info"], names_of(flow)) == ("later", ["save"])


# --- rights


@KINDS
def test_who_may_view_may_list_and_compare_and_no_more(kind, staff):
    item = FACTORIES[kind]()
    number = saved(item)
    change(item, extra='{"later":1}')
    before = row_of(item)
    client = staff(f"view_{kind}")

    page = client.get(url(item, "saves")).content.decode()
    assert compare(client, item, number).status_code == 200
    assert url(item, "restore_save", number) not in page
    assert "Save under this name" not in page
    answers = [
        client.post(url(item, "saves"), {"name": "x"}),
        client.get(url(item, "restore_save", number)),
        client.post(url(item, "restore_save", number), as_opened(item)),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert (row_of(item), names_of(item)) == (before, ["save"])


@KINDS
def test_without_a_permission_of_the_kind_nothing_is_shown(kind, staff):
    item = FACTORIES[kind](name="HIDDEN")
    number = saved(item)
    others = [
        f"{verb}_{other}" for verb in ("view", "change") for other in FACTORIES if other != kind
    ]
    client = staff(*others)
    for address in (
        url(item, "saves"),
        url(item, "compare_saves"),
        url(item, "restore_save", number),
        url(item, "revision", number),
    ):
        for answer in (client.get(address), client.post(address)):
            assert answer.status_code == 403
            assert "HIDDEN" not in answer.content.decode()


def test_a_save_of_a_deleted_item_needs_the_right_to_delete(staff):
    flow = FlowFactory(is_deleted=True)
    number = saved(flow)
    change(flow, is_deleted=False)
    client = staff("view_flow", "change_flow")
    text = text_of(client.get(url(flow, "restore_save", number)))
    assert "This save would delete the flow. This needs the permission flows.delete_flow." in text
    assert 'value="Restore"' not in client.get(url(flow, "restore_save", number)).content.decode()
    for page in ("restore_save", "revision"):
        assert client.post(url(flow, page, number), {"name": "x"}).status_code == 403
    assert (row_of(flow)["is_deleted"], names_of(flow)) == (False, ["save"])

    user = User.objects.get()
    user.user_permissions.add(Permission.objects.get(codename="delete_flow"))
    assert client.post(url(flow, "restore_save", number), as_opened(flow)).status_code == 302
    assert row_of(flow)["is_deleted"] is True


def test_a_save_brings_a_deleted_item_back(staff):
    flow = FlowFactory()
    number = saved(flow)
    change(flow, is_deleted=True)
    client = staff("view_flow", "change_flow")
    assert client.post(url(flow, "restore_save", number), as_opened(flow)).status_code == 302
    assert row_of(flow)["is_deleted"] is False


def test_a_save_that_sends_a_secret_elsewhere_needs_that_right(staff):
    SecretFactory(name="KEY", dev_value=VALUE)
    connection = ConnectionFactory(dev_value='{ host: "evil.example", token: secrets.KEY }')
    number = saved(connection)
    change(connection, dev_value='{ host: "good.example", token: secrets.KEY }')
    client = staff("view_connection", "change_connection")
    text = text_of(client.get(url(connection, "restore_save", number)))
    assert (
        "This sends the stored secret to another destination: "
        "secrets.KEY -> good.example -> evil.example."
    ) in text
    assert "This needs the permission imports.retarget_connections." in text
    for page in ("restore_save", "revision"):
        assert client.post(url(connection, page, number), {"name": "x"}).status_code == 403
    assert "good.example" in Connection.objects.get().dev_value

    user = User.objects.get()
    user.user_permissions.add(Permission.objects.get(codename="retarget_connections"))
    assert (
        client.post(url(connection, "restore_save", number), as_opened(connection)).status_code
        == 302
    )
    assert "evil.example" in Connection.objects.get().dev_value


def test_the_pages_of_one_kind_do_not_revert_another(staff):
    flow = FlowFactory(info="then")
    connection = ConnectionFactory(pk=flow.pk)
    number = saved(flow)
    change(flow, info="today")
    client = staff("view_connection", "change_connection", "add_connection")
    data = {"name": "x", "extra": "{}"}
    assert client.post(url(connection, "revision", number), data).status_code == 404
    recover = reverse("admin:flows_connection_recover", args=[number])
    assert client.post(recover, data).status_code == 404
    assert row_of(flow)["info"] == "today"


def test_an_item_that_is_not_deleted_for_good_is_not_recovered(admin_client):
    flow = FlowFactory(info="then")
    number = saved(flow)
    change(flow, info="today")
    recover = reverse("admin:flows_flow_recover", args=[number])
    assert admin_client.post(recover, {"name": "x"}).status_code == 404
    assert row_of(flow)["info"] == "today"


def test_an_item_that_is_gone_has_no_saves(admin_client):
    flow = FlowFactory()
    number, addresses = saved(flow), [url(flow, "saves"), url(flow, "compare_saves")]
    addresses.append(url(flow, "restore_save", number))
    flow.delete()
    for address in addresses:
        assert admin_client.get(address).status_code == 404


@pytest.mark.parametrize("digits", ["9" * 19, "9" * 5000])
def test_a_number_that_no_save_can_have_is_not_found(digits, admin_client):
    flow = FlowFactory()
    history = url(flow, "history")
    recover = reverse("admin:flows_flow_recoverlist")
    for page in (f"{history}{digits}/", f"{recover}{digits}/"):
        for send in (admin_client.get, admin_client.post):
            assert send(page).status_code == 404


WITHOUT_VALUE = "“KEY” has no value: what uses it fails until somebody gives one."


@pytest.mark.parametrize("value", [None, "a value"])
@pytest.mark.parametrize("way", ["undelete", "action", "restore"])
def test_a_secret_that_comes_back_without_a_value_is_told_of(way, value, admin_client):
    item = SecretFactory(name="KEY", dev_value=value)
    number = saved(item)
    change(item, is_deleted=True)
    if way == "undelete":
        answer = admin_client.post(url(item, "undelete"), follow=True)
    elif way == "action":
        chosen = {"action": "restore_selected", "_selected_action": [item.pk]}
        page = reverse("admin:flows_secret_changelist")
        answer = admin_client.post(f"{page}?state=deleted", chosen, follow=True)
    else:
        answer = admin_client.post(url(item, "restore_save", number), as_opened(item), follow=True)
    assert (WITHOUT_VALUE in messages_of(answer)) is (value is None)
    assert row_of(item)["is_deleted"] is False
