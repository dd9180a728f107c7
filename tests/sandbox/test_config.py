from __future__ import annotations

import pytest
from pydantic import ValidationError

from collm.sandbox.config import SandboxConfig


def test_limits_are_numbers() -> None:
    config = SandboxConfig.model_validate({"limits": {"processes": 3, "test_seconds": "0.5"}})
    assert (config.limits.processes, config.limits.test_seconds) == (3, 0.5)
    with pytest.raises(ValidationError, match="must be numbers, not true or false"):
        SandboxConfig.model_validate({"limits": {"processes": True}})
