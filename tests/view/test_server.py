from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from collm.view.follow import Follower
from collm.view.server import STATIC, make_app
from tests.commands import fingerprint
from tests.view.made_runs import TREE, read_whole, turn, write_run

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e\ud800\x00"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    runs = tmp_path / "runs"
    write_run(runs / "one")
    write_run(runs / "two", update__000001=[*TREE, turn([0], 1.0, {"a": HOSTILE}, tree=1)])
    return runs


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    follower = Follower(folder, folder.parent / "i.sqlite")
    read_whole(follower)
    with TestClient(make_app(follower), base_url="http://127.0.0.1:8800") as client:
        yield client


def get(client: TestClient, what: str, **query: Any) -> Any:
    answer = client.get(f"/api/{what}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_overview_names_runs_curves_and_agents(client: TestClient) -> None:
    overview = get(client, "runs")
    assert [(run["name"], run["episodes"], run["updates"], run["planned"]) for run in overview["runs"]] == [
        ("one", 3, 2, 3),
        ("two", 4, 2, 3),
    ]
    assert overview["keys"] == ["return_mean", "failures", "evaluation/return_mean"]
    assert overview["agents"] == ["a", "b"]


def test_curves_come_by_run_and_key(client: TestClient) -> None:
    keys = ["return_mean", "evaluation/return_mean"]
    found = client.get("/api/curves", params={"run": ["one", "absent"], "key": keys}).json()
    assert found == [
        {"run": "one", "key": "return_mean", "update": [1, 2], "value": [1, 2]},
        {"run": "one", "key": "evaluation/return_mean", "update": [0], "value": [0.25]},
    ]


def test_an_episode_comes_whole_with_its_tree_and_its_neighbours(client: TestClient) -> None:
    place = {"run": "one", "file": "update-000001", "tree": 0, "path": "0.1"}
    episode = get(client, "episode", **place)
    assert episode["turns"] == [TREE[0], TREE[2]]
    assert episode["agents"] == ["a", "b"]
    outline = [(node["path"], node["reward"], node["leaf"]) for node in episode["tree"]]
    assert outline == [
        ("0", 1.0, "0.0"),
        ("0.0", 2.0, "0.0"),
        ("0.1", 4.0, "0.1"),
        ("1", 3.0, "1.0"),
        ("1.0", 8.0, "1.0"),
    ]
    assert (episode["previous"]["path"], episode["next"]["path"]) == ("0.0", "1.0")
    assert episode["summary"]["gain"] == 3.0


def test_text_that_cannot_be_sent_in_utf8_arrives_as_it_is(client: TestClient) -> None:
    answer = client.get("/api/episode?run=two&file=update-000001&tree=1&path=0")
    assert answer.content.isascii()
    assert json.loads(answer.content)["turns"][0]["replies"]["a"] == HOSTILE


@pytest.mark.parametrize(
    "path",
    [
        "/api/episode?run=one&file=../../one/metrics&tree=0&path=0",
        "/api/episode?run=../..&file=update-000001&tree=0&path=0.1",
        "/api/episode?run=one&file=%2fetc%2fpasswd&tree=0&path=0",
        "/api/panel?run=absent&file=update-000001&tree=0&path=0.1",
        "/api/episodes?limit=-1",
        "/api/tasks?run=one",
    ],
)
def test_what_is_not_there_or_not_allowed_is_refused_in_one_line(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 400
    assert re.fullmatch(r"[^\n]+To mend it: [^\n]+", answer.json()["error"])


@pytest.mark.parametrize(
    "path", ["/assets/..%2f..%2fserver.py", "/assets/%2fetc%2fpasswd", "/nothing", "/api/"]
)
def test_no_other_file_can_be_reached(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(client: TestClient, folder: Path, method: str) -> None:
    before = fingerprint(folder)
    for path in ("/", "/api/runs", "/api/episodes", "/assets/index.js"):
        assert client.request(method, path).status_code == 405
    assert fingerprint(folder) == before


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "169.254.1.1"])
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/api/runs", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8800", "localhost:1", "[::1]:8800"])
def test_the_names_of_this_machine_are_welcome(client: TestClient, host: str) -> None:
    assert client.get("/api/runs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/runs", "/assets/index.js", "/nothing"])
def test_every_answer_carries_a_strict_policy(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_the_built_page_has_no_script_or_style_of_its_own() -> None:
    page = (STATIC / "index.html").read_text()
    assert "<style" not in page
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) == [""]
    for name in re.findall(r'(?:src|href)="/assets/([^"]+)"', page):
        assert (STATIC / "assets" / name).is_file()


def test_the_viewer_reads_runs_without_torch() -> None:
    code = "import sys, collm.view.server, collm.view.panels; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
