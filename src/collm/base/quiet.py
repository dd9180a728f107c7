"""Keeps the libraries' own bars and advice off the screen, and lets them not wait for an absent network."""

from __future__ import annotations

import os
import socket
import sys
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import getproxies

_QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
}
_BARS = {
    "transformers.utils.logging": "disable_progress_bar",
    "huggingface_hub.utils": "disable_progress_bars",
    "datasets": "disable_progress_bars",
}


def quiet_libraries() -> None:
    """Silence bars and warnings of Hugging Face's libraries for the whole process, importing none of them."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)  # each library reads them when it is imported
    for name in _BARS.keys() & sys.modules.keys():
        getattr(sys.modules[name], _BARS[name])()
    if "transformers.utils.logging" in sys.modules:
        sys.modules["transformers.utils.logging"].set_verbosity_error()


def spare_absent_hub(patience: float = 3.0) -> None:
    """Work offline, for the whole process, if the hub's name is not known here.

    The libraries would try every request again and again, for most of a minute. Call it before they are
    imported.

    Args:
        patience: seconds to wait for the name service.
    """
    if "HF_HUB_OFFLINE" in os.environ or getproxies():
        return  # somebody has decided, or a proxy knows names that this machine does not
    host = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co")).hostname
    if host is not None and not _is_known(host, patience):
        os.environ["HF_HUB_OFFLINE"] = "1"


def _is_known(host: str, patience: float) -> bool:
    known: list[str] = []

    def look_up() -> None:
        try:
            socket.getaddrinfo(host, 443)
        except OSError:
            return
        known.append(host)

    thread = Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(patience)
    return bool(known)
