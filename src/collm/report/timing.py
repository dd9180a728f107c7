"""How long an update takes at most, from counted work and a device's rates. Nothing is run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from collm.agents.config import AgentConfig, CriticConfig
from collm.config.tree import RunConfig
from collm.models.config import ModelConfig
from collm.report.counting import bytes_of_step, counted
from collm.report.estimate import Work, bytes_of, cached_bytes, read_architecture, shape_of
from collm.report.rates import Rates
from collm.report.simulation import Shape, parameters
from collm.report.work import probed_of_turns, samples_of_turns, trees_of, work_of


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
    Environments, evaluations and checkpoints are not counted, nor what devices do at the same time. Probes
    are drawn; what is learned from them, or read of them by critics, is not counted.

    Raises:
        CollmError: if a model's architecture cannot be found out.
    """
    work = work_of(config)
    drawn = samples_of_turns(len(config.agents), config.algorithm.branching, config.env.num_turns)
    samples = [trees_of(config) * number for number in drawn]
    steps = _steps(config, sum(samples), config.algorithm.update_epochs)
    probed = probed_of_turns(config.algorithm, list(config.agents), config.env.num_turns)
    found = []
    for name, agent in config.agents.items():
        text = architecture_of(agent, f"agents.{name}.model")
        spent = 0.0
        if config.training.saved is None:
            spent = drawing_seconds(agent, text, samples, work, rates)
            again = [trees_of(config) * number for number in probed[name]]
            alone = agent.model_copy(update={"keep_cache": False})  # a probe reads its whole prompt anew
            spent += drawing_seconds(alone, text, again, replace(work, siblings=1), rates)
        found.append(_of_agent(agent, _role(f"agent {name}", agent, text, work, steps, rates, spent)))
    if isinstance(config.critic, CriticConfig):
        text = architecture_of(config.critic, "critic.model")
        passes = config.algorithm.update_epochs + config.algorithm.critic_passes()
        steps = _steps(config, sum(samples), passes)
        for name in config.algorithm.critics(list(config.agents)):
            found.append(_role(f"critic {name}", config.critic, text, work, steps, rates, 0.0))
    return found


def _of_agent(config: AgentConfig, whole: Seconds) -> Seconds:
    """The share of an agent that may never learn, or whose policy's steps are another's."""
    if config.frozen:
        return replace(whole, learning=0.0, stepping=0.0)
    return whole if config.shares is None else replace(whole, stepping=0.0)


def _steps(config: RunConfig, joint_actions: int, passes: int) -> int:
    """Optimizer steps of an update that goes over its buffer so often."""
    size = config.algorithm.minibatch_size or joint_actions
    return math.ceil(joint_actions / size) * passes


def architecture_of(config: ModelConfig, field: str) -> str:
    """A model's configuration as JSON.

    Raises:
        CollmError: if it cannot be found out.
    """
    text: str = read_architecture(config.model, field).to_json_string(use_diff=False)
    return text


def _role(
    role: str, config: ModelConfig, text: str, work: Work, steps: int, rates: Rates, drawing: float
) -> Seconds:
    trained, _, _ = parameters(text, config.adapter)
    dtype = config.dtype if config.adapter is None else "float32"
    moved = bytes_of_step(config.optimization, dtype) * trained
    passes = _learning(config, text, work, steps) / rates.arithmetic
    return Seconds(role, drawing, passes, steps * moved / rates.memory)


def _learning(config: ModelConfig, text: str, work: Work, steps: int) -> float:
    """Floating-point operations of all passes of an update's steps."""
    shape, several = shape_of(config, text, work)
    whole = work.episodes * (config.context + _spoken(config))
    passes = counted(shape)
    batches = math.ceil(whole / (shape.rows * shape.width))
    forward, both = batches * passes.forward, batches * passes.learning
    if not isinstance(config, AgentConfig):
        return steps * (both + (forward if several else 0))  # predictions keep their graph if they can
    again = forward * (steps - 1) if config.dtype != "float32" else 0
    return steps * (both + (forward if work.reference else 0)) + again


def _spoken(config: ModelConfig) -> int:
    return config.sampling.max_tokens if isinstance(config, AgentConfig) else 0


def drawing_seconds(
    config: AgentConfig, text: str, samples: Sequence[int], work: Work, rates: Rates
) -> float:
    """One agent's, of so many samples at each turn.

    Reading prompts is arithmetic; a drawn token is weights and states read, and operators started.
    """
    whole, _, _ = parameters(text)
    weights, length = whole * bytes_of(config.dtype), config.sampling.max_tokens
    state = cached_bytes(read_architecture(config.model, "model"), config.dtype)
    each = counted(Shape(text, config.dtype, 1, config.context, False, 0)).forward / config.context
    calls = counted(Shape(text, config.dtype, 1, 1, False, 0)).calls / rates.calls
    spent = 0.0
    for turn, number in enumerate(samples):
        prompt = config.context * (turn + 1) / len(samples)
        fresh = config.context / len(samples) if config.keeps_cache else prompt
        spent += number / work.siblings * fresh * each / rates.arithmetic
        batches = math.ceil(number / config.batch_rows)
        states = number * (prompt + length / 2) * state
        arithmetic = number * 2 * whole / rates.arithmetic
        memory = (batches * weights + states) / rates.memory
        spent += length * (max(arithmetic, memory) + batches * calls)
    return spent
