"""Keeps the libraries' own bars and advice off the screen."""

from __future__ import annotations

import os


def quiet_libraries() -> None:
    """Silence progress bars and warnings of transformers and tokenizers for the whole process."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
