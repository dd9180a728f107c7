"""How long an update takes at most, from counted work and a device's rates. Nothing is run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from collm.agents.config import AgentConfig, CriticConfig
from collm.config.tree import RunConfig
from collm.models.config import ModelConfig
from collm.report.alternatives import learned_beside, learned_probes, read_beside
from collm.report.counting import bytes_of_step, choice_pass, counted, token_pass
from collm.report.estimate import Work, bytes_of, cached_bytes, read_architecture
from collm.report.passes import learning_seconds
from collm.report.rates import Rates
from collm.report.simulation import Shape, parameters
from collm.report.work import joint_actions, probed_of_turns, samples_of_turns, trees_of, work_of

_ROWS = 2
"""Tokens of the pass that a drawn one is counted by: a single one may take other operators than many."""


@dataclass(frozen=True, slots=True)
class Seconds:
    """What one role does in an update.

    Attributes:
        role: ``agent NAME`` or ``critic NAME``.
        drawing: of its replies, their prompts' reading among it.
        learning: all forward and backward passes.
        stepping: of the optimizer.
    """

    role: str
    drawing: float
    learning: float
    stepping: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.drawing + self.learning + self.stepping


def of_lengths(config: RunConfig, prompt: int | None, reply: int | None) -> RunConfig:
    """A recipe whose bounds are what texts are expected to be, to time it by.

    Args:
        prompt: tokens that an agent reads anew at a turn; ``None`` fills its context.
        reply: tokens of an action; ``None`` for ``sampling.max_tokens``.
    """
    turns, agents = config.env.num_turns, {}
    for name, agent in config.agents.items():
        said = min(reply or agent.sampling.max_tokens, agent.sampling.max_tokens)
        read = agent.context if prompt is None else turns * prompt + (turns - 1) * said
        sampling = agent.sampling.model_copy(update={"max_tokens": said})
        agents[name] = agent.model_copy(update={"context": min(agent.context, read), "sampling": sampling})
    critic = config.critic
    if isinstance(critic, CriticConfig):
        views = config.algorithm.critics(list(agents)).values()
        told = [one.context + one.sampling.max_tokens for one in agents.values()]
        read = sum(told) if any(view.agent is None for view in views) else max(told)
        critic = critic.model_copy(update={"context": min(critic.context, read)})
    return config.model_copy(update={"agents": agents, "critic": critic})


def seconds(config: RunConfig, rates: Rates) -> list[Seconds]:
    """What each role takes in an update where no episode ends early and all texts are as long as they may be.

    At the last turn a prompt fills the context, at those before it the same share of it as of the turns.
    Environments, evaluations and checkpoints are not counted, nor what devices do at the same time.

    Raises:
        CollmError: if a model's architecture cannot be found out.
    """
    return [*_agents(config, rates), *_critics(config, rates)]


def _agents(config: RunConfig, rates: Rates) -> Iterator[Seconds]:
    work, trees, algorithm = work_of(config), trees_of(config), config.algorithm
    samples = [trees * number for number in _drawn(config)]
    probed = probed_of_turns(algorithm, list(config.agents), config.env.num_turns)
    actions, steps = _minibatches(config, algorithm.update_epochs)
    for name, agent in config.agents.items():
        text = architecture_of(agent, f"agents.{name}.model")
        drawing = 0.0
        if config.training.saved is None:
            drawing = drawing_seconds(agent, text, samples, work, rates)
            again = [trees * number for number in probed[name]]
            alone = agent.model_copy(update={"keep_cache": False})  # a probe reads its whole prompt anew
            drawing += drawing_seconds(alone, text, again, replace(work, siblings=1), rates)
        learns = replace(work, beside=learned_beside(config, name))
        passes = learning_seconds(config, agent, text, learns, actions, steps, rates)
        stepping = _stepping(agent, text, steps, rates)
        yield _of_agent(agent, Seconds(f"agent {name}", drawing, passes, stepping))


def _critics(config: RunConfig, rates: Rates) -> Iterator[Seconds]:
    critic, algorithm, work = config.critic, config.algorithm, work_of(config)
    if not isinstance(critic, CriticConfig):
        return
    text = architecture_of(critic, "critic.model")
    actions, steps = _minibatches(config, algorithm.update_epochs + algorithm.critic_passes())
    for name, view in algorithm.critics(list(config.agents)).items():
        reads = replace(work, beside=read_beside(config, critic, view.agent))
        passes = learning_seconds(config, critic, text, reads, actions, steps, rates)
        yield Seconds(f"critic {name}", 0.0, passes, _stepping(critic, text, steps, rates))


def _of_agent(config: AgentConfig, whole: Seconds) -> Seconds:
    """The share of an agent that may never learn, or whose policy's steps are another's."""
    if config.frozen:
        return replace(whole, learning=0.0, stepping=0.0)
    return whole if config.shares is None else replace(whole, stepping=0.0)


def _drawn(config: RunConfig) -> Sequence[int]:
    """Samples of an agent in a tree, by turn."""
    return samples_of_turns(len(config.agents), config.algorithm.branching, config.env.num_turns)


def _minibatches(config: RunConfig, passes: int) -> tuple[float, int]:
    """An agent's actions in a step, alternatives apart, and steps of an update with so many passes."""
    played = joint_actions(len(config.agents), config.algorithm.branching, config.env.num_turns)
    learned = trees_of(config) * played * (1 + learned_probes(config))
    minibatches = max(1, round(learned / (config.algorithm.minibatch_size or learned)))
    return trees_of(config) * sum(_drawn(config)) / minibatches, minibatches * passes


def architecture_of(config: ModelConfig, field: str) -> str:
    """A model's configuration as JSON.

    Raises:
        CollmError: if it cannot be found out.
    """
    text: str = read_architecture(config.model, field).to_json_string(use_diff=False)
    return text


def _stepping(config: ModelConfig, text: str, steps: int, rates: Rates) -> float:
    trained, _, _ = parameters(text, config.adapter)
    dtype = config.dtype if config.adapter is None else "float32"
    return steps * bytes_of_step(config.optimization, dtype) * trained / rates.memory


def drawing_seconds(
    config: AgentConfig, text: str, samples: Sequence[int], work: Work, rates: Rates
) -> float:
    """One agent's, of so many samples at each turn.

    Reading prompts is arithmetic; a drawn token is weights and states read, and operators started.
    """
    whole, _, _ = parameters(text)
    weights, length = whole * bytes_of(config.dtype), config.sampling.max_tokens
    state = cached_bytes(read_architecture(config.model, "model"), config.dtype)
    reading = counted(Shape(text, config.dtype, 1, config.context, False, 0)).forward
    each = reading.working(rates) / config.context
    middle = max(1, int(config.context * (len(samples) + 1) / (2 * len(samples)) + length / 2))
    token = token_pass(text, config.dtype, _ROWS, middle, rates.ahead)
    choice = choice_pass(text, config.dtype, _ROWS, config.sampling.model_dump_json())
    calls, moved = token.calls + choice.calls, (token.moved + choice.moved) / _ROWS
    spent = 0.0
    for turn, number in enumerate(samples):
        prompt = config.context * (turn + 1) / len(samples)
        fresh = config.context / len(samples) if config.keeps_cache else prompt
        batches = math.ceil(number / config.batch_rows)
        spent += rates.seconds(number / work.siblings * fresh * each, batches * token.calls)
        states = number * (prompt + length / 2) * state
        arithmetic = number * 2 * whole / rates.arithmetic
        memory = (batches * weights + states) / rates.memory
        working = max(arithmetic, memory) + number * moved / rates.memory
        spent += length * rates.seconds(working, batches * calls)
    return spent
