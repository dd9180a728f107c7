"""Settings that all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the hub's client is imported: no test waits for a network

settings.register_profile("collm", deadline=None)  # a busy machine is no failure
settings.load_profile("collm")
