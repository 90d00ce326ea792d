"""Which database queries go to."""

from threading import Thread

import pytest

from flows.models import Flow
from flows.servers import get_current_database, list_server_names, target_server


@pytest.fixture(autouse=True)
def two_registered_servers(settings):
    settings.ZIGGY = {**settings.ZIGGY, "SERVER_NAME": "dev"}
    settings.ZIGGY = {
        **settings.ZIGGY,
        "SERVERS": {"staging": "sqlite:///s", "production": "sqlite:///p"},
    }


def test_this_instance_is_named_first():
    assert list_server_names() == ["dev", "staging", "production"]


def test_without_a_target_queries_go_to_this_instance():
    assert get_current_database() == "default"


def test_a_target_takes_all_queries_and_gives_them_back():
    with target_server("production"):
        assert get_current_database() == "production"
        assert Flow.objects.all().db == "production"
        assert Flow.objects.select_for_update().db == "production"
    assert get_current_database() == "default"
    assert Flow.objects.all().db == "default"


def test_an_error_gives_the_queries_back_as_well():
    with pytest.raises(ZeroDivisionError), target_server("production"):
        raise ZeroDivisionError
    assert get_current_database() == "default"


def test_this_instance_by_its_own_name_is_the_default_database():
    with target_server("dev"):
        assert get_current_database() == "default"


def test_targets_nest():
    with target_server("production"):
        with target_server("staging"):
            assert get_current_database() == "staging"
        assert get_current_database() == "production"


def test_this_instance_is_reached_from_within_another_target():
    with target_server("production"):
        with target_server("dev"):
            assert get_current_database() == "default"
        assert get_current_database() == "production"


@pytest.mark.parametrize("name", ["", "Production", "production ", "default", "nobody"])
def test_an_unknown_name_changes_nothing(name):
    with target_server(name):
        assert get_current_database() == "default"
    with target_server("staging"), target_server(name):
        assert get_current_database() == "staging"


def test_a_server_under_the_name_of_this_instance_does_not_hide_it(settings):
    settings.ZIGGY = {**settings.ZIGGY, "SERVERS": {"dev": "sqlite:///other"}}
    with target_server("dev"):
        assert get_current_database() == "default"


def test_a_target_is_that_of_its_own_thread():
    seen = []
    with target_server("production"):
        other = Thread(target=lambda: seen.append(get_current_database()))
        other.start()
        other.join()
    assert seen == ["default"]
