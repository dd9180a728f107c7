"""Writes the manifest of a run as a job of KubeRay's operator: a cluster that lives as long as the run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from collm.base.yaml_text import to_yaml
from collm.config.placement import RayPlacement, Share
from collm.config.tree import RunConfig, plain
from collm.contract.held import hold
from collm.errors import CollmError
from collm.placement.teams import roles

_IMAGE = "YOUR-REGISTRY/collm-ray:1"
_RUNS = "/runs"
_RECIPE = "/recipe/recipe.yaml"
_RAY_PORT = "127.0.0.1:6379"


def rayjob(config: RunConfig, name: str) -> str:
    """The recipe as a ConfigMap, a claim for the run folder, and the job; three YAML documents.

    The head has no share of the work but the loop's; each kind of worker is a group with a pod for each role.

    Args:
        config: placed on Ray.
        name: of the job; letters, digits and dashes.

    Raises:
        CollmError: if it is not placed on Ray, or a worker takes a resource that pods do not declare.
    """
    if not isinstance(config.placement, RayPlacement):
        raise CollmError("placement.type", "only a run on Ray has such a job.", "set placement.type=ray.")
    name = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "collm"
    recipe = plain(config)
    recipe["placement"]["address"] = _RAY_PORT
    documents = [_recipe(name, recipe), _claim(name), _job(name, config)]
    return "---\n".join(to_yaml(document) for document in documents)


def _recipe(name: str, recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"{name}-recipe"},
        "data": {"recipe.yaml": to_yaml(recipe)},
    }


def _claim(name: str) -> dict[str, Any]:
    """The disk of the run folder, which outlives the cluster; only the head mounts it."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": f"{name}-runs"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Gi"}}},
    }


def _job(name: str, config: RunConfig) -> dict[str, Any]:
    entry = f"collm train {_RECIPE} --out {_RUNS}/{name} --resume"
    critics = config.algorithm.critics(list(hold(config.env).agents))
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": {"name": name},
        "spec": {
            "entrypoint": entry,
            "backoffLimit": 3,  # --resume: an attempt goes on where the one before it died
            "shutdownAfterJobFinishes": True,
            "rayClusterSpec": {
                "headGroupSpec": _head(name),
                "workerGroupSpecs": [_group(*one) for one in _grouped(roles(config, critics))],
            },
        },
    }


def _grouped(workers: Iterable[tuple[str, Share]]) -> list[tuple[str, Share, int]]:
    """The kinds of workers, what one takes, and how many there are."""
    counts: dict[str, tuple[Share, int]] = {}
    for role, share in workers:
        kind = f"{role.split()[0]}s"
        if share.resources:
            problem = f"{', '.join(share.resources)} is nothing that a pod declares."
            raise CollmError(f"placement.{kind}.resources", problem, "leave it out.")
        counts[kind] = share, counts.get(kind, (share, 0))[1] + 1
    return [(kind, share, count) for kind, (share, count) in counts.items()]


def _head(name: str) -> dict[str, Any]:
    """Ray's head with the loop; ``num-cpus: 0`` keeps workers away from it."""
    container = {
        "name": "head",
        "image": _IMAGE,
        "resources": {"limits": {"cpu": "2", "memory": "16Gi"}},
        "volumeMounts": [
            {"name": "recipe", "mountPath": "/recipe"},
            {"name": "runs", "mountPath": _RUNS},
        ],
    }
    volumes = [
        {"name": "recipe", "configMap": {"name": f"{name}-recipe"}},
        {"name": "runs", "persistentVolumeClaim": {"claimName": f"{name}-runs"}},
    ]
    return {
        "rayStartParams": {"num-cpus": "0", "dashboard-host": "127.0.0.1"},
        "template": {"spec": {"containers": [container], "volumes": volumes}},
    }


def _group(kind: str, share: Share, count: int) -> dict[str, Any]:
    limits: dict[str, str] = {"cpu": f"{max(1.0, share.cpus):g}", "memory": "32Gi"}
    if share.gpus:
        limits["nvidia.com/gpu"] = str(-int(-share.gpus // 1))
    container = {"name": "worker", "image": _IMAGE, "resources": {"limits": limits}}
    return {
        "groupName": kind,
        "replicas": count,
        "minReplicas": count,
        "maxReplicas": count,
        "rayStartParams": {},
        "template": {"spec": {"containers": [container]}},
    }
