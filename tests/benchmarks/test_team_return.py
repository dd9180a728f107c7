from __future__ import annotations

import pytest

from benchmarks.team_return import LETTERS, SECRET, Chorus, line

REPLY = "10"
"""What counts as bit 0 and as bit 1."""

ROWS = [
    {"agents": 2, "way": way, "seed": seed, "curve": {"0": 0.5, "20": last}, "seconds": 10.0 * seed}
    for way, seed, last in [("own", 1, 0.9), ("own", 2, 0.7), ("shared", 1, 1.0), ("shared", 2, 1.0)]
]


@pytest.mark.parametrize("size", [2, 64])
def test_the_reward_is_the_share_of_agents_that_answer_their_letters_bit(size: int) -> None:
    env = Chorus(num_agents=size)
    dealt = env.tasks("train")[0]
    held = zip(env.agents, dealt.letters, strict=True)
    right = {agent: REPLY[SECRET[letter]] for agent, letter in held}
    wrong = {agent: REPLY[reply == REPLY[0]] for agent, reply in right.items()}
    assert env.step(dealt, right).reward == 1.0
    assert env.step(dealt, {**right, env.agents[0]: wrong[env.agents[0]]}).reward == pytest.approx(
        1 - 1 / size
    )
    assert env.step(dealt, wrong).reward == 0.0


def test_blind_guessing_earns_a_half() -> None:
    env = Chorus(num_agents=64)
    for bit in "01":
        rewards = [env.step(task, dict.fromkeys(env.agents, bit)).reward for task in env.tasks("test")]
        assert sum(rewards) / len(rewards) == pytest.approx(0.5, abs=0.02)
    assert len(SECRET) == len(LETTERS)
    assert sum(SECRET) * 2 == len(SECRET)


def test_every_agent_sees_its_own_letter_alone() -> None:
    env = Chorus(num_agents=4)
    dealt = env.tasks("train")[0]
    seen = [observed.text for observed in env.observe(dealt).values()]
    assert seen == [LETTERS[letter] for letter in dealt.letters]


def test_a_line_is_the_mean_over_seeds() -> None:
    assert line(ROWS, 2) == {
        "agents": 2,
        "an adapter each, return": "0.80",
        "an adapter each, seconds": "15",
        "one adapter for all, return": "1.00",
        "one adapter for all, seconds": "15",
    }
