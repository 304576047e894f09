"""What is deployed: Compose file, image, proxy, board. No container is run; their programs are, as plain processes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema

from service.serving.metrics import Metrics
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "scripts/deploy"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("gisa", "slack", "api-1", "api-2")


def test_the_compose_file_keeps_to_the_specification() -> None:
    schema = get_builtin_schema("vendor.compose-spec")
    jsonschema.Draft202012Validator(schema).validate(COMPOSE)
    broken = COMPOSE | {"services": {"gisa": {"imagine": "nginx"}}}
    assert not jsonschema.Draft202012Validator(schema).is_valid(broken)


def test_profiles_are_complete() -> None:
    by_profile: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for profile in service.get("profiles", ["default"]):
            by_profile.setdefault(profile, set()).add(name)
    assert by_profile == {
        "default": {"gisa"},
        "slack": {"slack"},
        "llm": {"llm"},
        "scale": {"api-1", "api-2", "proxy", "postgres", "etcd", "objects", "milvus"}
        | {"prometheus", "grafana"},
    }
    for service in SERVICES.values():
        wanted = service.get("depends_on", {})
        for needed in wanted:  # a service without its profile would not start
            assert set(service["profiles"]) <= set(SERVICES[needed]["profiles"])
            if isinstance(wanted, dict) and needed not in OURS:
                assert "test" in SERVICES[needed]["healthcheck"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_a_version_a_check_and_few_rights(name: str) -> None:
    service = SERVICES[name]
    if name not in OURS:
        assert re.fullmatch(r"\S+:[\w.-]*\d+[.-]\d+\S*", service["image"])
        assert "healthcheck" in service
    if name not in ("llm", "etcd", "objects", "milvus"):  # these write beside their volumes
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")
    for volume in service.get("volumes", []):
        source = volume.partition(":")[0]
        assert (
            (ROOT / source).is_file() if source.startswith("./") else source in COMPOSE["volumes"]
        )


def test_settings_in_the_compose_file_and_the_image_exist() -> None:
    known = {f"GISA_{name.upper()}" for name in Settings.model_fields} | {"GISA_CACHE"}
    for service in SERVICES.values():
        names = {name for name in service.get("environment", {}) if name.startswith("GISA_")}
        assert names <= known
    image = (ROOT / "Dockerfile").read_text("utf-8")
    assert set(re.findall(r"\bGISA_[A-Z_]+(?==)", image)) <= known


def test_the_image_runs_without_privileges_from_named_versions() -> None:
    image = (ROOT / "Dockerfile").read_text("utf-8")
    stages = re.findall(r"^FROM (\S+)", image, re.M)
    assert len(stages) == 2
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-\S+", stage) for stage in stages)
    last = image.rpartition("\nFROM ")[2]
    assert re.search(r"^USER \d+$", last, re.M)
    assert "HEALTHCHECK" in last
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", image, re.M):
        assert all((ROOT / name).exists() for name in copied.split())


def test_every_figure_of_the_board_exists() -> None:
    told = re.findall(r"^# TYPE (\S+) (\S+)$", Metrics().text().decode(), re.M)
    ends = {"histogram": ("_bucket", "_count", "_sum")}
    known = {name + end for name, kind in told for end in ends.get(kind, ("",))}
    board = json.loads((DEPLOY / "grafana/gisa.json").read_text("utf-8"))
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\bgisa_\w+", target["expr"])
    }
    assert asked <= known
    assert len(asked) > 10
    data = yaml.safe_load((DEPLOY / "grafana/datasources.yml").read_text("utf-8"))
    uids = {panel["datasource"]["uid"] for panel in board["panels"]}
    assert uids == {source["uid"] for source in data["datasources"]}


def test_prometheus_and_the_proxy_know_the_replicas() -> None:
    jobs = yaml.safe_load((DEPLOY / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    hosts = [host for job in jobs for part in job["static_configs"] for host in part["targets"]]
    upstream = re.findall(r"^\s+server (\S+:\d+)", (DEPLOY / "nginx.conf").read_text("utf-8"), re.M)
    assert upstream == ["api-1:8000", "api-2:8000"]
    assert {host.partition(":")[0] for host in hosts + upstream} <= set(SERVICES)


def test_the_proxy_accepts_its_configuration(tmp_path: Path) -> None:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    text = (DEPLOY / "nginx.conf").read_text("utf-8").replace("/tmp/", f"{tmp_path}/")  # noqa: S108
    (tmp_path / "nginx.conf").write_text(re.sub(r"api-\d:8000", "127.0.0.1:1", text), "utf-8")
    command = [nginx, "-t", "-q", "-c", str(tmp_path / "nginx.conf")]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
