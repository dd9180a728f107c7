"""The paper's teams on one GPU, with random weights in their shapes: time, memory, and hours of whole runs.

One command of under ten minutes on a card of the H200's class, if an update is as quick as hoped for;
``--budget`` ends it after so many seconds, between two rows. It has never run on a GPU; on a CPU it runs with
``--tiny``.

    python -m benchmarks.gpu
"""

from __future__ import annotations

import argparse
import json
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from benchmarks.cases import AGENTS, clock
from benchmarks.outcome import arguments, bars, leave

TABLE_3 = {"magrpo": 4.5, "collm_dc": 13.4, "collm_cc": 11.1}
"""Hours of the paper's runs on CoopHE, on one GPU of 141 GB."""

_FULL = {"gradient_checkpointing": True, "optimization": {"optimizer": "adamw_8bit"}}
_ADAPTERS = {"gradient_checkpointing": True, "adapter": {}}
WAYS: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "full weights": (_FULL, {}),
    "adapters": (_ADAPTERS, {}),
    "adapters, vLLM": (_ADAPTERS, {"engine": {"type": "vllm"}}),
}
"""What is laid over every model of a recipe, and over its agents."""


def main() -> None:
    options = _options()
    if options.child:
        print(json.dumps(measured(json.loads(options.child))))
        return
    began, rows = time.perf_counter(), []
    for told in _planned(options):
        if time.perf_counter() - began > options.budget:
            print(
                f"out of time: {told['method']}, {told['way']} and what follows was left out", file=sys.stderr
            )
            break
        rows.append(_row(told))
    figure = bars(rows, ["hours", "hours in the paper"], "hours of a whole run on CoopHE")
    leave("gpu", rows, figure, options)


def _options() -> argparse.Namespace:
    parser = arguments(__doc__)
    parser.add_argument("--tiny", action="store_true", help="models of two narrow layers, a task an update")
    parser.add_argument("--methods", nargs="*", default=list(TABLE_3), choices=list(TABLE_3))
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--prompt", type=int, default=512, help="tokens of the first prompt")
    parser.add_argument("--feedback", type=int, default=128, help="tokens of the second turn's prompt")
    parser.add_argument("--budget", type=float, default=480.0, help="seconds after which no new row is begun")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def _planned(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        for method in options.methods:
            for way in options.ways:
                if "vLLM" in way and not (find_spec("vllm") and find_spec("collm.engines.kinds.vllm")):
                    continue
                yield {
                    "method": method,
                    "way": way,
                    "folder": folder,
                    "tiny": options.tiny,
                    "prompt": options.prompt,
                    "feedback": options.feedback,
                }


def _row(told: dict[str, Any]) -> dict[str, Any]:
    """One update in a process of its own; a row that fails says why and the others go on."""
    case = {"case": f"{told['method']}, {told['way']}"}
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.gpu", "--child", json.dumps(told)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        failure = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        return {**case, "failed": failure[0][:200]}
    return {**case, **json.loads(done.stdout.splitlines()[-1]), "hours in the paper": TABLE_3[told["method"]]}


def measured(told: dict[str, Any]) -> dict[str, float | None]:
    """One update of the fast recipe: seconds, tokens, and the peak of memory beside its estimate."""
    import torch
    from transformers.utils import logging

    from benchmarks.cases import team_of, train
    from collm.report.fitting import peaks_of
    from collm.training.schedule import planned_updates

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    config = make_recipe(told)
    estimated = max(bytes_ for peaks in peaks_of(config).values() for bytes_ in peaks.values())
    team, on_gpu = team_of(config), torch.cuda.is_available()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    began = clock()
    timing = train(config, team)
    seconds = clock() - began
    actions = [one for tree in timing.trees for turn in tree.turns for one in turn.joint_action.values()]
    tokens = sum(len(action.token_ids) for action in actions)
    gigabytes = torch.cuda.max_memory_allocated() / 2**30 if on_gpu else None
    updates = planned_updates(config.training, 66)
    return {
        "s/update": seconds,
        "sampling s": timing.sampling,
        "learning s": timing.learning,
        "tokens/s sampled": tokens / timing.sampling,
        "GiB": gigabytes,
        "GiB estimated": estimated / 2**30,
        "hours": seconds * updates / 3600,
    }


def make_recipe(told: Mapping[str, Any]) -> Any:
    """The fast recipe of CoopHE with texts for tasks and models of random weights."""
    from collm.config.recipes import find
    from collm.config.tree import make_config

    data = yaml.safe_load(find(f"coding/{told['method']}_fast").read_text(encoding="utf-8"))
    for_models, for_agents = WAYS[told["way"]]
    everyone, *agents = data["agents"].values()
    together = 1 if told["tiny"] else data["training"]["tasks_per_update"]
    shrunk = {"dtype": "float32"} if told["tiny"] else {}
    reply = 8 if told["tiny"] else everyone["sampling"]["max_tokens"]
    everyone = _laid(everyone, for_models, for_agents, shrunk, {"sampling": {"max_tokens": reply}})
    models = {
        name: {"model": str(_model(told, one["model"]))} for name, one in zip(AGENTS, agents, strict=True)
    }
    if "critic" in data:
        model = {"model": str(_model(told, data["critic"]["model"]))}
        data["critic"] = _laid(data["critic"], for_models, shrunk, model)
    data["env"] = {
        "type": "benchmarks.cases:Texts",
        "prompt_tokens": told["prompt"],
        "feedback_tokens": told["feedback"],
        "prompts": together,
        "num_turns": data["env"]["num_turns"],
    }
    data["agents"] = {"*": everyone, **models}
    data["training"]["tasks_per_update"] = together
    return make_config(data, "benchmark")


def _laid(below: Mapping[str, Any], *above: Mapping[str, Any]) -> dict[str, Any]:
    """Sections over each other, key by key."""
    result = dict(below)
    for section in above:
        for key, value in section.items():
            nested = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
            result[key] = _laid(result[key], value) if nested else value
    return result


def _model(told: Mapping[str, Any], name: str) -> Path:
    """A folder with a model of that shape; a text of one character is one token, whatever it is."""
    import torch
    from transformers import AutoModelForCausalLM

    from collm.report.estimate import read_architecture
    from tests.checkpoints import letter_tokenizer

    folder = Path(told["folder"]) / name.replace("/", "_")
    if folder.is_dir():
        return folder
    shape = read_architecture(name, "model")
    if told["tiny"]:
        small = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
        shape.update({**small, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16})
        shape.layer_types = shape.layer_types and shape.layer_types[:2]
    letters = string.printable + "".join(chr(0x20000 + k) for k in range(shape.vocab_size - 102))
    tokenizer = letter_tokenizer(letters)
    shape.eos_token_id, shape.bos_token_id = tokenizer.eos_token_id, None
    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = AutoModelForCausalLM.from_config(
            shape, dtype=torch.float32 if told["tiny"] else torch.bfloat16
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


if __name__ == "__main__":
    main()
