from __future__ import annotations

from typing import Any

import pytest
import yaml

from collm.config.tree import make_config
from collm.errors import CollmError
from collm.placement.rayjob import rayjob
from tests.tiny_runs import Recipe

PLACED: dict[str, Any] = {
    "type": "ray",
    "learners": {"gpus": 1, "cpus": 4},
    "engines": {"gpus": 0.5, "replicas": 3},
    "graders": {"workers": 5},
}


def documents(recipe: Recipe) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(rayjob(recipe(placement=PLACED), "My run")))


def test_every_role_has_a_pod(recipe: Recipe) -> None:
    job = documents(recipe)[-1]
    groups = {one["groupName"]: one for one in job["spec"]["rayClusterSpec"]["workerGroupSpecs"]}
    assert {name: one["replicas"] for name, one in groups.items()} == {
        "graders": 5,
        "learners": 2,
        "engines": 6,
        "critics": 1,
    }
    (learner,) = groups["learners"]["template"]["spec"]["containers"]
    assert learner["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert learner["resources"]["limits"]["cpu"] == "4"
    (engine,) = groups["engines"]["template"]["spec"]["containers"]
    assert engine["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_the_job_trains_the_recipe_that_it_brings(recipe: Recipe) -> None:
    brought, claim, job = documents(recipe)
    config = make_config(yaml.safe_load(brought["data"]["recipe.yaml"]), "recipe")
    expected = recipe(placement={**PLACED, "address": "127.0.0.1:6379"})
    assert config == expected
    assert job["spec"]["entrypoint"] == "collm train /recipe/recipe.yaml --out /runs/my-run --resume"
    volumes = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["volumes"]
    assert volumes[0]["configMap"]["name"] == brought["metadata"]["name"]
    assert volumes[1]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_a_local_run_has_no_such_job(recipe: Recipe) -> None:
    with pytest.raises(CollmError, match=r"placement.type: only a run on Ray"):
        rayjob(recipe(), "run")


def test_resources_that_pods_do_not_declare_are_refused(recipe: Recipe) -> None:
    placement = {"type": "ray", "critics": {"resources": {"big": 1}}}
    with pytest.raises(CollmError, match=r"placement.critics.resources"):
        rayjob(recipe(placement=placement), "run")
