"""What a critic reads of an episode, as text: the joint history or one agent's, with the global information.

Each turn opens with a passage that ends where its value is read; the actions follow. Every passage is a
prefix of what comes later, so one forward pass values all turns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from collm.errors import CollmError
from collm.types import Episode, Observations

TEAM = "team"
"""The name of a centralized critic."""


@dataclass(frozen=True, slots=True)
class View:
    """An episode for a critic.

    Attributes:
        passages: for each turn the text up to its value, without what came before it.
    """

    passages: tuple[str, ...]


def critic_view(critic: str, episode: Episode, informed: bool = True) -> View:
    """What the critic of that name sees: :data:`TEAM` the joint history, any other its agent's."""
    return joint_view(episode, informed) if critic == TEAM else local_view(episode, critic, informed)


def joint_view(episode: Episode, informed: bool = True) -> View:
    """The joint history ``h_t``, with ``m_t`` at every turn if informed (paper section 4.1, figure 1c).

    Raises:
        CollmError: if the environment gives rewards to single agents, which one critic cannot value.
    """
    if any(turn.agent_rewards is not None for turn in episode):
        mend = "use an algorithm with decentralized critics or none."
        raise CollmError("algorithm.type", "a centralized critic needs a joint reward.", mend)
    return View(tuple(_passages(episode, None, informed)))


def local_view(episode: Episode, agent: str, informed: bool = True) -> View:
    """One agent's history ``h_{i,t}``, with ``m_t`` at every turn if informed (paper figure 3c)."""
    return View(tuple(_passages(episode, (agent,), informed)))


def _passages(episode: Episode, agents: Sequence[str] | None, informed: bool) -> Iterator[str]:
    actions = ""
    for turn in episode:
        yield actions + _before(turn.observations, turn.global_information if informed else "", agents)
        texts = {name: action.text for name, action in turn.joint_action.items()}
        actions = _lines("action", texts, agents)
    last = episode[-1]
    if last.next_observations is not None:
        information = last.next_global_information if informed else ""
        yield actions + _before(last.next_observations, information, agents)


def _before(observations: Observations, global_information: str, agents: Sequence[str] | None) -> str:
    texts = {name: observation.text for name, observation in observations.items()}
    return _lines("observation", texts, agents) + (f"{global_information}\n" if global_information else "")


def _lines(kind: str, texts: Mapping[str, str], agents: Sequence[str] | None) -> str:
    chosen = [name for name in texts if agents is None or name in agents]
    return "".join(f"[{name} {kind}]\n{texts[name]}\n" for name in chosen)
