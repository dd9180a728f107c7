"""The datasets that recipes name: where each lies, and how it gets to where recipes look for it."""

from __future__ import annotations

import shutil
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from collm.data.rows import load_rows, optional_module
from collm.errors import AbsentError, CollmError

_SECONDS = 60
_RAW = "https://raw.githubusercontent.com"


@dataclass(frozen=True, slots=True)
class HubDataset:
    """On the Hugging Face hub; loaded once, its library keeps it for all runs of this account."""

    domain: str
    source: str
    splits: tuple[str, ...]

    @property
    def dataset(self) -> str:
        """What a recipe's ``env.dataset`` says."""
        return self.source

    def fetch(self, folder: Path) -> str:
        """Load every split, and say how many rows there are.

        Raises:
            AbsentError: if the package ``datasets`` is not installed, or the hub cannot be reached.
        """
        rows = {split: len(load_rows(self.source, "data fetch", split=split)) for split in self.splits}
        cache = optional_module("datasets", "data fetch", "data").config.HF_DATASETS_CACHE
        counts = ", ".join(f"{count} rows of {split}" for split, count in rows.items())
        return f"{self.source}: {counts}, kept in {cache}"


@dataclass(frozen=True, slots=True)
class FileDataset:
    """A single file on the web; saved below the folder that runs are started from."""

    domain: str
    source: str
    dataset: str

    def fetch(self, folder: Path) -> str:
        """Download the file, unless it lies there, and say where it is.

        Raises:
            AbsentError: if it cannot be downloaded.
            CollmError: if what was downloaded is no list of rows; it is not kept then.
        """
        file = folder / self.dataset
        if file.is_file():
            return f"{file} lies there already: {len(load_rows(str(file), 'data fetch'))} rows"
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f"partial-{file.name}")
        try:
            self._download(beside)
            rows = load_rows(str(beside), "data fetch")
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)
            with suppress(OSError):  # not empty
                file.parent.rmdir()
        return f"saved {file}: {len(rows)} rows"

    def _download(self, file: Path) -> None:
        try:
            with urllib.request.urlopen(self.source, timeout=_SECONDS) as answer, file.open("wb") as written:
                shutil.copyfileobj(answer, written)
        except OSError as error:
            mend = f"check the network, or save it yourself as {self.dataset} in the folder you run from."
            raise AbsentError(self.source, f"cannot be downloaded: {error}.", mend) from None


Dataset = HubDataset | FileDataset

KNOWN: Mapping[str, Dataset] = {
    "tldr": HubDataset("tldr", "trl-lib/tldr", ("train",)),
    "arxiv": HubDataset("arxiv", "OpenMLRL/arXiv_abstract", ("train", "val")),
    "coophumaneval": HubDataset("coding", "OpenMLRL/CoopHumanEval", ("train",)),
    "humaneval": HubDataset("coding", "openai/openai_humaneval", ("test",)),
    "mbpp": HubDataset("coding", "OpenMLRL/MBPP", ("test",)),
    "housebuild": FileDataset(
        "housebuild",
        f"{_RAW}/OpenMLRL/LLM_Collab_Minecraft/v1.3.6/house_build/dataset/data.json",
        "data/housebuild.json",
    ),
}
"""By the name that ``collm data fetch`` takes."""


def dataset_named(name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        CollmError: if there is none.
    """
    if name not in KNOWN:
        raise CollmError(name, "no dataset of that name.", f"use one of {', '.join(KNOWN)}.")
    return KNOWN[name]
