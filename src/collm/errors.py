"""The two kinds of failure that a user meets, each with one clear message in one line."""

from __future__ import annotations

from collm.printable import printable

RAISED = (Exception, SystemExit, GeneratorExit)
"""What a user's code may raise and is told of; a person's Ctrl-C passes."""


class CollmError(Exception):
    """Bad input. Names the place (file and field), the problem and the mend; the CLI exits with 2.

    Args:
        where: the file, field, dataset row or function at fault.
        problem: what is wrong with it.
        mend: what the user can do about it.

    Attributes:
        file: the file that holds the field, once somebody who knows it has said so.
    """

    def __init__(self, where: str, problem: str, mend: str) -> None:
        super().__init__(where, problem, mend)
        self.where, self.problem, self.mend = where, problem, mend
        self.file: str | None = None

    @property
    def section(self) -> str:
        """The section of a recipe, if ``where`` is a field such as ``env.dataset`` or ``critic a.model``."""
        return self.where.partition(".")[0].partition(" ")[0]

    def place_in(self, file: str) -> None:
        """Name the file too, if none is named yet."""
        self.file = self.file or file

    def __str__(self) -> str:
        place = ": ".join(part for part in (self.file, self.where) if part)
        return _one_line(f"{place}: {self.problem} To mend it: {self.mend}")


class AbsentError(CollmError):
    """What the input names is not here: a file, an optional package, the network. A dry run does without."""


class InfrastructureError(Exception):
    """Infrastructure broke while an environment stepped (a sandbox died, a server hung up).

    The rollout records it on the tree, which then leaves the batch; it is never a reward of 0.
    """

    def __str__(self) -> str:
        return _one_line(super().__str__())


def _one_line(text: str) -> str:
    """One line for a terminal, whatever a reply, a row or a reward put into it."""
    return printable(" ".join(line.strip() for line in text.splitlines() if line.strip()))
