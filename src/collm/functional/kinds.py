"""Names of variants, apart from the mathematics: a recipe is read without torch."""

from __future__ import annotations

from typing import Literal

RatioKind = Literal["sequence", "token", "geometric"]
"""Of whole actions, of each of their tokens, or of whole actions by the mean token."""

DivergenceKind = Literal["k3", "k2", "reward"]
"""How a divergence from the reference is lowered: ``divergence_losses`` tells them apart."""

CorrectionKind = Literal["token", "sequence"]
"""Whether a token is weighted by its own quotient of probabilities, or by that of its whole action."""
