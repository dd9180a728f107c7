"""The tiny runs that training is tested on."""

from tests.training.conftest import recipe

__all__ = ["recipe"]
