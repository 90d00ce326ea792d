"""compose.yaml: its rules, and the deployment that it describes, run with its real processes."""

import json
import re
from pathlib import Path

import pytest
import yaml
from compose_spec import PyCompose

from tests.support.composed import ROOT, find_command, read_compose, run_compose
from tests.support.deployment import DEPLOY, PATIENCE, ask, log_in
from tests.support.image import DOCKERFILE
from tests.support.uploading import BOUNDARY, file_part, form, words

OURS = ("migrate", "web", "worker")


@pytest.fixture(scope="module")
def compose():
    return read_compose()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with run_compose(tmp_path_factory.mktemp("compose")) as running:
        yield running


def test_the_file_is_one_of_the_specification(compose):
    # The library knows no merge keys (`<<`) of YAML, which a reader of YAML has carried out.
    assert PyCompose.from_yaml(yaml.safe_dump(compose)).to_dict()["name"] == "ziggy"


def test_a_file_that_is_none_is_refused(compose):
    services = {"web": {**compose["services"]["web"], "read_onyl": True}}
    with pytest.raises(ValueError, match="read_onyl"):
        PyCompose.from_yaml(yaml.safe_dump({**compose, "services": services}))


def test_all_that_waits_for_another_names_a_service(compose):
    services = compose["services"]
    assert sorted(services) == ["database", "migrate", "nginx", "web", "worker"]
    for service in services.values():
        assert service.get("depends_on", {}).keys() <= services.keys()


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_may_write_its_volumes_alone(compose, name):
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.search(rf"^USER {service['user']}$", DOCKERFILE.read_text(), re.MULTILINE)
    assert {volume.split(":")[1] for volume in service["volumes"]} == {
        *("/var/lib/ziggy/backups", "/tmp"),
    }


def test_secrets_are_files_and_never_values(compose):
    for service in compose["services"].values():
        for name, text in service.get("environment", {}).items():
            assert name.endswith("_FILE") == text.startswith("/run/secrets/")
            assert name.endswith("_FILE") or not re.search("KEY|PASSWORD|SECRET|URL", name)
            if name.endswith("_FILE"):
                assert Path(text).name in service["secrets"]
    for secret in compose["secrets"].values():
        assert secret["file"].startswith("./secrets/")
    assert "/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_nginx_has_what_its_file_names(compose):
    nginx = compose["services"]["nginx"]
    text = (DEPLOY / "nginx.conf").read_text()
    assert "./deploy/nginx.conf:/etc/nginx/conf.d/default.conf:ro" in nginx["volumes"]
    for secret in nginx["secrets"]:
        assert f" {secret['target']};" in text
    # gunicorn's default address is that of the upstream, in the network that both share.
    assert nginx["network_mode"] == "service:web"
    assert "ZIGGY_BIND" not in compose["services"]["web"]["environment"]
    assert compose["services"]["web"]["ports"] == ["80:80", "443:443"]


def test_a_service_that_is_stopped_has_time_for_its_requests(compose):
    [seconds] = re.findall(
        r'"ZIGGY_GRACEFUL_TIMEOUT", "(\d+)"', (DEPLOY / "gunicorn.conf.py").read_text()
    )
    for name in ("web", "worker"):
        assert int(compose["services"][name]["stop_grace_period"].removesuffix("s")) > int(seconds)


def test_every_image_has_a_release_and_pg_dump_is_of_the_servers(compose):
    images = [service["image"] for service in compose["services"].values()]
    outside = [image for image in images if image != "ziggy-flow-import"]
    assert all(re.fullmatch(r"[a-z]+:\d[\d.]*-bookworm", image) for image in outside)
    [major] = re.findall(r"postgres:(\d+)-", " ".join(outside))
    assert f"postgresql-client-{major}" in DOCKERFILE.read_text()


def test_every_command_is_one_of_the_product(compose):
    commands = {name: find_command(compose["services"][name]) for name in OURS}
    assert commands["web"] == ["gunicorn", "-c", "deploy/gunicorn.conf.py"]
    assert commands["migrate"][:3] == ["python", "manage.py", "migrate"]
    assert commands["worker"] == ["python", "manage.py", "background_worker"]


def test_the_deployment_takes_an_import_and_backs_up_before_it(site):
    assert ask(site, "GET", "/api/health")[0] == 200
    token = log_in(site)
    body = form(
        file_part((ROOT / "samples" / "zexport.json").read_bytes()),
        *words(duplicatesMode="LEAVE"),
    )
    status, _, content = ask(
        site,
        "POST",
        "/api/flow/import",
        body,
        timeout=PATIENCE,
        Authorization=f"Bearer {token}",
        Content_Type=f"multipart/form-data; boundary={BOUNDARY}",
    )
    assert status == 201, content
    assert len(json.loads(content)["flowsProcessed"]) > 0
    assert [*(site.folder / "backups").glob("*.dump")] != []


def test_its_processes_still_run(site):
    assert [process.poll() for process in (site.process, *site.workers)] == [None] * (
        1 + len(site.workers)
    ), site.log.read_text()
