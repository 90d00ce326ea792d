"""compose.yaml: its rules, and the deployment that it describes, run with its real processes."""

import re
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml
from compose_spec import PyCompose

from tests.support.composed import find_command, read_compose
from tests.support.deployment import DEPLOY, ROOT, ask, ask_gunicorn
from tests.support.image import DOCKERFILE
from tests.support.importing import export_file, flow
from tests.support.metrics import exported
from tests.support.remote import Caller
from tests.support.waiting import PATIENCE
from ziggy_site.variables import SERVER_VARIABLES

pytestmark = pytest.mark.deployment

OURS = ("migrate", "web", "worker")
SUCCEEDED = ("ziggy_runs_total", ("door", "api"), ("result", "succeeded"), ("run", "import"))


@pytest.fixture(scope="module")
def compose():
    return read_compose()


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
    upstream = "nginx-upstream-compose.conf"
    assert f"./deploy/{upstream}:/etc/nginx/conf.d/upstream.conf:ro" in nginx["volumes"]
    port = compose["services"]["web"]["environment"]["ZIGGY_BIND"].removeprefix("0.0.0.0:")
    assert f" web:{port};" in (DEPLOY / upstream).read_text()


def test_nginx_alone_is_open_to_the_outside_and_reaches_the_site_alone(compose):
    services = compose["services"]
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
    beside = [name for name in services if "front" in services[name].get("networks", ["default"])]
    assert beside == ["web", "nginx"]
    assert services["nginx"]["networks"] == ["front"]


def test_a_service_that_is_stopped_has_time_for_its_requests(compose):
    seconds = SERVER_VARIABLES["ZIGGY_GRACEFUL_TIMEOUT"].default
    for name in ("web", "worker"):
        assert int(compose["services"][name]["stop_grace_period"].removesuffix("s")) > seconds


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


def test_web_and_workers_have_the_same_environment(compose):
    """What the one queues is what the other carries out, with the same keys and backups."""
    environments = [compose["services"][name]["environment"] for name in OURS]
    assert environments[0] == environments[1] == environments[2]
    assert environments[0]["ZIGGY_BACKGROUND"] == "1"


def test_the_log_of_the_services_is_json_and_has_no_address(deployment):
    """An address may have a name of the content in it."""
    ask(deployment, "GET", "/api/connection?search=something-of-the-content")
    text = deployment.log.read_text()
    assert [line for line in text.splitlines() if not line.startswith('{"time": ')] == []
    assert '"request": "GET ' in text
    assert "something-of-the-content" not in text


def test_metrics_are_for_who_has_the_token_and_not_for_the_outside(deployment):
    token = (deployment.secrets / "metrics_token").read_text().strip()
    assert ask(deployment, "GET", "/metrics", Authorization=f"Bearer {token}")[0] == 404
    assert ask_gunicorn(deployment, "GET", "/metrics")[0] == 403
    status, _, content = ask_gunicorn(
        deployment, "GET", "/metrics", Authorization=f"Bearer {token}"
    )
    assert status == 200
    assert b"ziggy_requests_total" in content


def test_what_a_worker_carried_out_is_in_its_own_metrics(deployment, token):
    """Its container shares no directory of counts with that of the web processes."""
    ada = Caller(deployment, token)
    before = count_imports(deployment)
    record = ada.ask(export_file(flow(9_001, "Counted by its worker")), key="counted")
    assert ada.wait(record)["status"] == "succeeded"
    assert count_imports(deployment) == before + 1


def count_imports(deployment):
    """How many imports by the API the workers have counted that succeeded."""
    secret = (deployment.secrets / "metrics_token").read_text().strip()
    count = 0
    for worker in deployment.workers:
        asked = Request(f"http://127.0.0.1:{worker.port}/metrics")
        with pytest.raises(HTTPError, match="403"):
            urlopen(asked, timeout=PATIENCE)
        asked.add_header("Authorization", f"Bearer {secret}")
        with urlopen(asked, timeout=PATIENCE) as answer:
            count += exported(answer.read().decode())[SUCCEEDED]
    return count


def test_it_is_ready_and_fit_for_production(deployment):
    status, _, content = ask(deployment, "GET", "/ready")
    assert status == 200, content
    checked = deployment.run_command("check", "--deploy", "--fail-level", "WARNING", check=False)
    assert checked.returncode == 0, checked.stderr
