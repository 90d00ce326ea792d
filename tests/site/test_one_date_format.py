"""Every page writes a time in one form: 2026-03-16 17:10:06 UTC."""

import re
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from flows.models import Flow
from tests.support.importing import flow, import_items
from tests.support.users import key_for, logged_in

ROOT = Path(__file__).parents[2]
APPS = ("accounts", "flows", "imports", "ziggy_site")
FORMATS = {"c", "Y-m-d H:i:s e"}  # the first is for programs
_IN_TEMPLATE = re.compile(r"""\|\s*(?:date|time):\s*(["'])(.*?)\1""")
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")
_OTHER = re.compile(
    r"\b[ap]\.m\.|\b(?:Jan|Feb|March|April|May|June|July|Aug|Sept|Oct|Nov|Dec)[a-z]*\.? \d"
)


def test_templates_have_no_other_format():
    templates = [file for app in APPS for file in (ROOT / app).rglob("templates/**/*.html")]
    found = {
        (str(file.relative_to(ROOT)), match[2])
        for file in templates
        for match in _IN_TEMPLATE.finditer(file.read_text())
        # The name of the zone alone, behind a time without it.
        if match[2] not in FORMATS and not {match[2]} <= {"Y-m-d H:i:s", "e"}
    }
    assert templates
    assert found == set()


@pytest.mark.django_db
def test_pages_have_no_other_format():
    user = User.objects.create_superuser("ada", last_login=timezone.now())
    key_for(user)
    record = import_items(flow(1, "Orders")).record
    import_items(flow(1, "Orders", timeout=5))
    client = logged_in(user)
    item = Flow.objects.get()
    pages = [
        reverse("admin:imports_importrecord_change", args=[record.pk]),
        reverse("admin:imports_importrecord_changelist"),
        reverse("admin:flows_flow_changelist"),
        reverse("admin:flows_flow_change", args=[item.pk]),
        reverse("admin:flows_flow_saves", args=[item.pk]),
        reverse("admin:flows_flow_imports", args=[item.pk]),
        reverse("admin:accounts_user_changelist"),
        reverse("admin:accounts_apitoken_changelist"),
    ]
    for page in pages:
        text = client.get(page).content.decode()
        main = text.partition("<main")[2].partition("</main>")[0]
        assert _OTHER.findall(main) == [], page
        assert _MOMENT.search(main), page
