"""Accounts in the admin: who gets in, what an admin may do to users, and keys for automation."""

import re
from datetime import timedelta
from html import escape, unescape
from urllib.parse import quote, urlencode

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.tokens import find, issue_login_token
from flows.models import Attempts
from tests.support.users import key_for

PASSWORD = "CANARY-ad11-password"
KEYS = "/admin/accounts/apitoken/"
ADD_KEY = "/admin/accounts/apitoken/add/"
USERS = "/admin/accounts/user/"

pytestmark = pytest.mark.django_db


def make_user(name, *groups, **values):
    user = User.objects.create_user(name, f"{name}@example.org", PASSWORD, **values)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


@pytest.fixture
def boss():
    """An admin who is no superuser."""
    return make_user("boss", "Admin", is_staff=True)


@pytest.fixture
def boss_client(boss):
    client = Client()
    client.force_login(boss)
    return client


@pytest.fixture
def robot():
    return make_user("robot", "Service Account")


def typed(user, name="Deploy", days=30):
    expiry = timezone.now() + timedelta(days=days)
    return {
        "user": user.pk,
        "name": name,
        "expiry_0": f"{expiry:%Y-%m-%d}",
        "expiry_1": f"{expiry:%H:%M:%S}",
    }


def issue(client, user, name="Deploy", days=30):
    """Press Save on the page for a new key."""
    return client.post(ADD_KEY, typed(user, name, days))


def shown_key(page):
    return re.search(r'<pre id="issued-key">(.*)</pre>', page.content.decode())[1]


def errors_of(page):
    assert page.status_code == 200
    return page.context["adminform"].form.errors


def log_in(username, password=PASSWORD, **extra):
    client = Client(**extra)
    page = client.post(reverse("admin:login"), {"username": username, "password": password})
    return client, page


# --- who gets in


@pytest.mark.parametrize(
    ("group", "staff", "gets_in"),
    [
        ("Admin", True, True),
        ("Editor", True, True),
        ("Operator", True, True),
        ("Admin", False, False),
        ("Service Account", True, False),
        ("Service Account", False, False),
    ],
)
def test_the_admin_pages_let_in(group, staff, gets_in):
    client = Client()
    client.force_login(make_user("ada", group, is_staff=staff))
    page = client.get("/admin/")
    assert page.status_code == (200 if gets_in else 302)
    if not gets_in:
        assert page.url == "/admin/login/?next=/admin/"


def test_no_service_account_logs_in_not_even_as_staff_superuser_and_admin():
    make_user("robot", "Service Account", "Admin", is_staff=True, is_superuser=True)
    client, page = log_in("robot")
    assert page.status_code == 200
    assert "Please enter the correct username and password" in page.content.decode()
    assert "sessionid" not in client.cookies


def test_no_page_of_the_admin_opens_for_a_service_account():
    robot = make_user("robot", "Service Account", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(robot)
    pages = [
        USERS,
        KEYS,
        ADD_KEY,
        "/admin/flows/flow/",
        "/admin/password_change/",
        "/admin/jsi18n/",
    ]
    for page in pages:
        response = client.get(page)
        assert (response.status_code, response.url[:13]) == (302, "/admin/login/")
    response = issue(client, robot)
    assert (response.status_code, response.url[:13]) == (302, "/admin/login/")
    assert not ApiToken.objects.exists()


def test_a_user_who_becomes_a_service_account_is_out_at_once():
    ada = make_user("ada", "Editor", is_staff=True)
    client, _ = log_in("ada")
    assert client.get("/admin/").status_code == 200
    ada.groups.add(Group.objects.get(name="Service Account"))
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize("name", ["ada", "ADA@example.org"])
def test_the_login_page_takes_a_name_or_an_e_mail_address(name):
    make_user("ada", "Editor", is_staff=True)
    client, page = log_in(name)
    assert page.status_code == 302
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("staff", [True, False])
def test_the_login_page_says_the_same_to(staff):
    make_user("ada", "Editor", is_staff=staff)
    texts = {
        re.sub(r'(name="csrfmiddlewaretoken" value|nonce)="[^"]*"|ada|nobody', "", text)
        for _, page in [log_in("ada", "wrong"), log_in("nobody", "wrong")]
        for text in [page.content.decode()]
    }
    assert len(texts) == 1
    assert "Please enter the correct username and password" in texts.pop()


def test_the_login_page_shares_its_limits_with_the_api(settings):
    settings.ZIGGY = {**settings.ZIGGY, "ATTEMPTS": {"login": (3, 600)}}
    make_user("ada", "Editor", is_staff=True)
    for _ in range(3):
        _, page = log_in("ada", "wrong")
        assert "Too many" not in page.content.decode()
    client, page = log_in("ada")
    assert "Too many wrong passwords. Try again in 10 minutes." in page.content.decode()
    assert client.get("/admin/").status_code == 302
    response = Client().post(
        "/api/auth/login",
        {"username": "ada", "password": PASSWORD},
        content_type="application/json",
    )
    assert response.status_code == 429


def test_everything_in_the_admin_is_registered_with_the_site_that_keeps_them_out():
    assert type(admin.site._wrapped).__module__ == "ziggy_site.admin"


LINK = "/admin/flows/flow/?q=a%26b&o=1"
LOGIN_WITH_LINK = f"/admin/login/?next={quote(LINK)}"


def test_a_link_is_followed_after_wrong_passwords_and_too_many(settings):
    settings.ZIGGY = {**settings.ZIGGY, "ATTEMPTS": {"login": (2, 600)}}
    make_user("ada", "Editor", is_staff=True)
    client = Client()
    asked = client.get(LINK)
    assert (asked.status_code, asked.url) == (302, LOGIN_WITH_LINK)
    page = client.get(asked.url)
    for password in ["wrong", "wrong", PASSWORD]:  # the last one is throttled
        page = client.post(*sent_by(page, "ada", password))
        assert page.status_code == 200
    assert "Too many wrong passwords" in page.content.decode()
    Attempts.objects.all().delete()
    answer = client.post(*sent_by(page, "ada", PASSWORD))
    assert (answer.status_code, answer.url) == (302, LINK)


def sent_by(page, username, password):
    """Where the form of the login page goes, and what it sends."""
    text = page.content.decode()
    action = unescape(re.search(r'<form action="([^"]*)" method="post" id="login-form"', text)[1])
    link = unescape(re.search(r'name="next" value="([^"]*)"', text)[1])
    return action, {"username": username, "password": password, "next": link}


def test_who_is_logged_in_already_goes_on_to_where_the_link_leads():
    client = Client()
    client.force_login(make_user("ada", "Editor", is_staff=True))
    answer = client.get(LOGIN_WITH_LINK)
    assert (answer.status_code, answer.url) == (302, LINK)


ELSEWHERE = ["https://evil.example/", "//evil.example", r"/\evil.example", "javascript:alert(1)"]


@pytest.mark.parametrize("link", ELSEWHERE)
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_link_leads_elsewhere(method, link):
    ada = make_user("ada", "Editor", is_staff=True)
    client = Client()
    if method == "get":
        client.force_login(ada)
    data = {"username": "ada", "password": PASSWORD, "next": link}
    address = f"/admin/login/?{urlencode({'next': link})}"
    answer = client.get(address) if method == "get" else client.post(address, data)
    assert (answer.status_code, answer.url) == (302, "/admin/")


def test_the_page_that_refuses_leads_to_the_same_link_as_somebody_else():
    make_user("chief", "Admin", is_staff=True)
    client = Client()
    client.force_login(make_user("ada", is_staff=True))
    page = client.get(LINK)
    assert page.status_code == 403
    text = page.content.decode()
    assert "You are logged in as ada." in text
    after = unescape(re.search(r'name="next" value="([^"]*)"', text)[1])
    answer = client.post("/admin/logout/", {"next": after})
    assert (answer.status_code, answer.url) == (302, LOGIN_WITH_LINK)
    answer = client.post(*sent_by(client.get(answer.url), "chief", PASSWORD))
    assert (answer.status_code, answer.url) == (302, LINK)


def test_a_login_form_that_is_too_old_leads_to_a_new_one_with_the_same_link():
    page = Client(enforce_csrf_checks=True).post(LOGIN_WITH_LINK, {"next": LINK})
    assert page.status_code == 403
    assert f'<a href="{escape(LOGIN_WITH_LINK)}">Log in again</a>' in page.content.decode()


# --- users


def test_the_list_of_users_shows_their_roles(boss_client, django_assert_max_num_queries):
    make_user("ada", "Editor")
    make_user("nobody")
    for number in range(20):
        make_user(f"robot-{number}", "Service Account")
    with django_assert_max_num_queries(12):
        page = boss_client.get(USERS)
    rows = dict(
        re.findall(
            r'<th class="field-username">.*?>([\w-]+)</a></th>.*?<td class="field-role">(.*?)</td>',
            page.content.decode(),
            re.DOTALL,
        )
    )
    assert len(rows) == 23
    assert (rows["boss"], rows["ada"], rows["nobody"]) == ("ADMIN", "EDITOR", "-")
    assert rows["robot-7"] == "SERVICE_ACCOUNT"


def change_user(client, user, **typed):
    page = f"{USERS}{user.pk}/change/"
    form = client.get(page).context["adminform"].form
    values = {name: form[name].value() for name in form.fields if name != "password"}
    joined = values.pop("date_joined")
    login = values.pop("last_login")
    values |= {"date_joined_0": f"{joined:%Y-%m-%d}", "date_joined_1": f"{joined:%H:%M:%S}"}
    if login:
        values |= {"last_login_0": f"{login:%Y-%m-%d}", "last_login_1": f"{login:%H:%M:%S}"}
    given = {name: value for name, value in values.items() if value not in (None, False)}
    response = client.post(page, {**given, **typed})
    assert response.status_code == 302, response.context["adminform"].form.errors
    return User.objects.get(pk=user.pk)


def test_an_admin_gives_a_user_a_role(boss_client):
    ada = make_user("ada")
    changed = change_user(boss_client, ada, groups=[Group.objects.get(name="Editor").pk])
    assert [group.name for group in changed.groups.all()] == ["Editor"]


def test_an_admin_cannot_make_a_superuser_or_give_single_permissions(boss_client, boss):
    for user in (make_user("ada"), boss):
        changed = change_user(boss_client, user, is_superuser="on", user_permissions=["1"])
        assert not changed.is_superuser
        assert not changed.user_permissions.exists()


def test_a_superuser_can_do_both(admin_client):
    changed = change_user(admin_client, make_user("ada"), is_superuser="on", user_permissions=["1"])
    assert changed.is_superuser
    assert changed.user_permissions.count() == 1


def test_an_admin_cannot_change_a_superuser(boss_client):
    root = make_user("root", is_superuser=True, is_staff=True)
    as_it_was = User.objects.values().get(pk=root.pk)
    password = {"password1": "Xk3!new-pass", "password2": "Xk3!new-pass", "usable_password": "true"}
    change, delete, change_password = (
        f"{USERS}{root.pk}/{page}/" for page in ("change", "delete", "password")
    )
    assert boss_client.get(change).status_code == 200  # it may be seen
    assert boss_client.post(change, {"username": "mine"}).status_code == 403
    assert boss_client.post(change_password, password).status_code == 403
    assert boss_client.post(delete, {"post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [root.pk], "post": "yes"}
    assert boss_client.post(USERS, action).status_code == 403
    assert User.objects.values().get(pk=root.pk) == as_it_was


@pytest.mark.parametrize("group", ["Editor", "Operator"])
def test_users_are_no_business_of(group):
    client = Client()
    client.force_login(make_user("ada", group, is_staff=True))
    assert client.get(USERS).status_code == 403
    assert client.get(KEYS).status_code == 403


# --- tokens and what the admin does to users


def test_a_password_that_is_changed_in_the_admin_ends_the_users_tokens(boss_client):
    ada = make_user("ada")
    tokens = [issue_login_token(ada), key_for(ada)]
    response = boss_client.post(
        f"{USERS}{ada.pk}/password/",
        {"password1": "Xk3!new-pass", "password2": "Xk3!new-pass", "usable_password": "true"},
    )
    assert response.status_code == 302
    assert [find(token) for token in tokens] == [None, None]


def test_a_password_that_is_taken_away_in_the_admin_ends_the_users_tokens(boss_client):
    ada = make_user("ada")
    token = issue_login_token(ada)
    response = boss_client.post(
        f"{USERS}{ada.pk}/password/",
        {"password1": "", "password2": "", "usable_password": "false", "unset-password": "1"},
    )
    assert response.status_code == 302
    assert find(token) is None


def test_a_user_who_is_deactivated_in_the_admin_keeps_no_tokens(boss_client):
    ada = make_user("ada")
    issue_login_token(ada)
    key_for(ada)
    change_user(boss_client, ada, is_active="")
    assert not ApiToken.objects.exists()


def test_other_changes_of_a_user_in_the_admin_leave_the_tokens(boss_client):
    ada = make_user("ada")
    token = issue_login_token(ada)
    change_user(boss_client, ada, first_name="Ada")
    assert find(token).user.first_name == "Ada"


# --- keys


def test_an_admin_issues_a_key_that_opens_the_api(boss_client, robot):
    page = issue(boss_client, robot, "Deploy", days=30)
    assert page.status_code == 200
    response = Client().get(
        "/api/auth/profile", headers={"Authorization": f"Bearer {shown_key(page)}"}
    )
    assert response.json()["username"] == "robot"
    stored = ApiToken.objects.get()
    assert (stored.name, stored.user) == ("Deploy", robot)
    assert abs(stored.expiry - timezone.now() - timedelta(days=30)) < timedelta(seconds=10)


def test_a_key_is_shown_once_and_nowhere_else(boss_client, robot):
    page = issue(boss_client, robot)
    key = shown_key(page)
    assert page.content.decode().count(key) == 1
    assert "no-store" in page.headers["Cache-Control"]
    (stored,) = ApiToken.objects.all()
    pages = [
        KEYS,
        f"{KEYS}{stored.pk}/change/",
        f"{KEYS}{stored.pk}/history/",
        f"{KEYS}{stored.pk}/delete/",
        f"{USERS}{robot.pk}/change/",
        "/admin/",
        ADD_KEY,
    ]
    for address in pages:
        response = boss_client.get(address)
        assert response.status_code == 200
        assert key not in response.content.decode()
        assert key[:15] not in response.content.decode()
    assert key not in str([*ApiToken.objects.values(), *LogEntry.objects.values()])
    assert key not in str(boss_client.cookies)
    assert key not in str(dict(boss_client.session))


def test_that_a_key_was_issued_and_revoked_is_noted_by_its_name(boss_client, boss, robot):
    issue(boss_client, robot, "Deploy")
    stored = ApiToken.objects.get()
    boss_client.post(
        KEYS, {"action": "delete_selected", "_selected_action": [stored.pk], "post": "yes"}
    )
    entries = LogEntry.objects.order_by("pk").values_list(
        "user__username", "action_flag", "object_repr"
    )
    assert [*entries] == [("boss", 1, "Deploy (robot)"), ("boss", 3, "Deploy (robot)")]


def test_the_list_shows_name_user_times_and_whether_it_is_good(boss_client, robot):
    key_for(robot, "fresh")
    key_for(robot, "old", days=-1)
    issue_login_token(make_user("ada"))
    rows = re.findall(
        r'<td class="field-purpose">(.*?)</td><td class="field-user nowrap">(.*?)</td>'
        r'<td class="field-created nowrap">.+?</td><td class="field-expiry nowrap">.+?</td>'
        r'<td class="field-good"><img .*?alt="(.*?)"',
        boss_client.get(KEYS).content.decode(),
    )
    assert sorted(rows) == [
        ("(a login)", "ada", "True"),
        ("fresh", "robot", "True"),
        ("old", "robot", "False"),
    ]


def test_the_list_takes_as_many_queries_however_many_keys(boss_client, robot):
    def number_of_queries():
        with CaptureQueriesContext(connection) as queries:
            boss_client.get(KEYS)
        return len(queries)

    key_for(robot, "one")
    few = number_of_queries()
    for number in range(20):
        key_for(make_user(f"user-{number}"))
    assert number_of_queries() == few


def test_a_revoked_key_is_refused_at_the_next_request(boss_client, robot):
    kept, revoked = key_for(robot, "kept"), key_for(robot, "revoked")
    action = {"action": "delete_selected", "_selected_action": [find(revoked).pk], "post": "yes"}
    assert boss_client.post(KEYS, action).status_code == 302
    statuses = [
        Client().get("/api/auth/profile", headers={"Authorization": f"Bearer {key}"}).status_code
        for key in (kept, revoked)
    ]
    assert statuses == [200, 401]


def test_a_key_is_never_changed(boss_client, robot):
    key_for(robot)
    stored = ApiToken.objects.values().get()
    page = f"{KEYS}{stored['digest']}/change/"
    assert boss_client.post(page, {"name": "other", "user": robot.pk}).status_code == 403
    assert ApiToken.objects.values().get() == stored
    assert 'name="_save"' not in boss_client.get(page).content.decode()


@pytest.mark.parametrize(
    ("days", "is_taken"), [(-1, False), (0, False), (1, True), (364, True), (366, False)]
)
def test_the_expiry_of_a_key_lies_within_a_year(boss_client, robot, days, is_taken):
    page = issue(boss_client, robot, days=days)
    assert ApiToken.objects.exists() is is_taken
    if not is_taken:
        assert errors_of(page) == {"expiry": ["Give a time between now and 365 days from now."]}


@pytest.mark.parametrize("field", ["user", "name", "expiry_0", "expiry_1"])
def test_a_key_needs(boss_client, robot, field):
    page = boss_client.post(ADD_KEY, {**typed(robot), field: " "})
    assert [*errors_of(page)] == [field.partition("_")[0]]
    assert not ApiToken.objects.exists()


def test_the_page_that_answers_issues_no_second_key_when_it_is_loaded_again(boss_client, robot):
    issue(boss_client, robot, "Deploy")
    page = issue(boss_client, robot, "Deploy")
    assert errors_of(page) == {"__all__": ["This user has a key with this name already."]}
    assert ApiToken.objects.count() == 1
    assert issue(boss_client, make_user("other"), "Deploy").context["key"].name == "Deploy"


def test_the_name_of_a_key_that_expired_is_free_again(boss_client, robot):
    key_for(robot, "Deploy", days=-1)
    assert find(shown_key(issue(boss_client, robot, "Deploy"))).name == "Deploy"


def test_a_user_with_too_many_keys_gets_no_more(boss_client, robot, settings):
    settings.ZIGGY = {**settings.ZIGGY, "TOKENS_PER_USER": 1}
    key_for(robot)
    page = issue(boss_client, robot)
    assert errors_of(page) == {"user": ["This user has too many keys. Revoke one first."]}
    assert ApiToken.objects.count() == 1


def test_an_admin_issues_no_key_for_a_superuser_or_for_who_is_not_active(boss_client):
    users = [make_user("root", is_superuser=True), make_user("gone", is_active=False)]
    for user in users:
        assert [*errors_of(issue(boss_client, user))] == ["user"]
    assert not ApiToken.objects.exists()


@pytest.fixture
def root_key():
    """A superuser's key."""
    root = make_user("root", is_superuser=True, is_staff=True)
    key_for(root)
    return ApiToken.objects.get(user=root)


def test_an_admin_revokes_no_superusers_key_on_its_page(boss_client, root_key):
    page = f"{KEYS}{root_key.pk}/delete/"
    assert boss_client.get(page).status_code == 403
    assert boss_client.post(page, {"post": "yes"}).status_code == 403
    assert ApiToken.objects.filter(pk=root_key.pk).exists()


def test_an_admin_revokes_no_superusers_key_among_others_in_the_list(boss_client, robot, root_key):
    key_for(robot)
    chosen = [*ApiToken.objects.values_list("pk", flat=True)]
    data = {"action": "delete_selected", ACTION_CHECKBOX_NAME: chosen, "post": "yes"}
    assert boss_client.post(KEYS, data).status_code == 403
    assert ApiToken.objects.count() == 2
    data[ACTION_CHECKBOX_NAME] = [*ApiToken.objects.filter(user=robot).values_list("pk", flat=True)]
    assert boss_client.post(KEYS, data).status_code == 302
    assert [*ApiToken.objects.all()] == [root_key]


def test_a_superuser_revokes_a_superusers_key(admin_client, root_key):
    assert admin_client.post(f"{KEYS}{root_key.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not ApiToken.objects.exists()


TAKEN = [
    pytest.param("change/", {"email": "boss@evil.example", "is_active": ""}, id="the address"),
    pytest.param("password/", {"password1": "N3w-word!", "password2": "N3w-word!"}, id="password"),
    pytest.param("delete/", {"post": "yes"}, id="the account"),
]


@pytest.mark.parametrize(("page", "data"), TAKEN)
def test_an_admin_takes_from_no_superuser(boss_client, page, data):
    root = make_user("root", is_superuser=True, is_staff=True)
    before = User.objects.filter(pk=root.pk).values().get()
    answer = boss_client.post(f"{USERS}{root.pk}/{page}", {"username": "root", **data})
    assert answer.status_code == 403
    assert User.objects.filter(pk=root.pk).values().get() == before


def test_an_admin_deletes_no_superuser_among_others_in_the_list(boss_client, robot):
    root = make_user("root", is_superuser=True, is_staff=True)
    data = {
        "action": "delete_selected",
        ACTION_CHECKBOX_NAME: [root.pk, robot.pk],
        "post": "yes",
    }
    assert boss_client.post(USERS, data).status_code == 403
    assert User.objects.filter(pk__in=[root.pk, robot.pk]).count() == 2


def test_a_superuser_issues_a_key_for_a_superuser(admin_client, admin_user):
    assert find(shown_key(issue(admin_client, admin_user))).user == admin_user


@pytest.mark.parametrize("group", ["Editor", "Operator"])
def test_nobody_issues_or_revokes_keys_as(group, robot):
    client = Client()
    client.force_login(make_user("ada", group, is_staff=True))
    key = key_for(robot)
    action = {"action": "delete_selected", "_selected_action": [find(key).pk], "post": "yes"}
    assert client.get(ADD_KEY).status_code == 403
    assert issue(client, robot).status_code == 403
    assert client.post(KEYS, action).status_code == 403
    assert [stored.name for stored in ApiToken.objects.all()] == ["CI"]


def test_texts_are_shown_as_they_are(boss_client, robot):
    page = issue(boss_client, robot, "<script>alert(1)</script>")
    assert "<script>alert(1)" not in page.content.decode()
    assert "&lt;script&gt;alert(1)" in page.content.decode()
    assert "<script>alert(1)" not in boss_client.get(KEYS).content.decode()
