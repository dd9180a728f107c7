"""An agent in this process: its context makes the prompts, a thread of its own draws the replies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock

from collm.agents.agent import Agent
from collm.agents.config import AgentConfig
from collm.agents.team import load_agents
from collm.engines.base import Completion, Prompt
from collm.engines.in_process import InProcess
from collm.engines.kinds.in_process import InProcessKind
from collm.errors import CollmError
from collm.serve.line import Line
from collm.serve.refusals import RefusedError, agent_unavailable
from collm.serve.voice import Draw, Messages, Reply, Tell
from collm.types import Action, History, Ids, Observation

_UNFINISHED = "\ufffd"


class Local:
    """A voice of this process.

    Args:
        agent: with an engine of this process.
        weights: held while the agent's weights are used.
    """

    def __init__(self, agent: Agent, weights: Lock) -> None:
        self._name, self._config, self._context = agent.name, agent.config, agent.policy.context
        assert isinstance(agent.policy.engine, InProcess)
        self._line = Line(agent.policy.engine, agent.config.batch_rows, weights)

    async def act(self, history: History, observation: Observation, draw: Draw, tell: Tell) -> Reply:
        if not history.actions:
            self._check_fits(observation)
        return await self._say(self._context.prompt(history, observation)[0], draw, tell)

    async def chat(self, messages: Messages, draw: Draw, tell: Tell) -> Reply:
        ids = self._templated(messages)
        if len(ids) > self._config.context:
            problem = f"the messages take {len(ids)} tokens, more than the agent's {self._config.context}."
            raise _too_long(problem)
        return await self._say(ids, draw, tell)

    async def go_on(self, text: str, draw: Draw, tell: Tell) -> Reply:
        return await self.act(History(), Observation(text, raw=True), draw, tell)

    async def check(self) -> None:
        if not self._line.works:
            raise agent_unavailable(self._name, "its thread has ended.")

    async def close(self) -> None:
        self._line.close()

    def _check_fits(self, opening: Observation) -> None:
        try:
            self._context.read([opening], "the task")
        except CollmError as error:
            raise _too_long(str(error)) from None

    def _templated(self, messages: Messages) -> Ids:
        tokenizer = self._context.tokenizer
        if not tokenizer.chat_template:
            raise RefusedError(
                400, f"the agent {self._name!r} has no chat template.", "no_chat_template", "model"
            )
        try:
            text = tokenizer.apply_chat_template(
                [dict(message) for message in messages],
                tokenize=False,
                add_generation_prompt=True,
                **self._config.template_options,
            )
        except Exception as error:
            problem = f"the chat template of {self._name!r} refuses these messages: {error}"
            raise RefusedError(400, problem, "invalid_messages", "messages") from None
        return tuple(tokenizer(text, add_special_tokens=False).input_ids)

    async def _say(self, ids: Ids, draw: Draw, tell: Tell) -> Reply:
        if not ids:
            raise RefusedError(400, "there is nothing to answer.", "invalid_messages", "messages")
        pieces = _Pieces(self._context.text, tell)
        sampling = draw.sampling(self._config.sampling)
        try:
            drawn = await self._line.draw(Prompt(ids, (draw.seed,)), sampling, pieces.add)
        except Exception as error:
            raise agent_unavailable(self._name, f"{type(error).__name__}: {error}") from error
        text = pieces.end(drawn.token_ids)
        return Reply(_action(ids, drawn, text), len(ids), len(drawn.token_ids))


class _Pieces:
    """Turns tokens into the pieces of a text, each told once its characters are whole."""

    def __init__(self, text: Callable[[Ids], str], tell: Tell) -> None:
        self._text, self._tell = text, tell
        self._ids: list[int] = []
        self._told = ""

    def add(self, ids: Sequence[int]) -> None:
        self._ids.extend(ids)
        text = self._text(tuple(self._ids))
        if not text.endswith(_UNFINISHED) and text.startswith(self._told):
            self._tell_until(text)

    def end(self, ids: Ids) -> str:
        """Tell what is left of the whole reply, which is returned."""
        text = self._text(ids)
        self._tell_until(text)
        return text

    def _tell_until(self, text: str) -> None:
        if len(text) > len(self._told):
            self._tell(text[len(self._told) :])
            self._told = text


def _action(ids: Ids, drawn: Completion, text: str) -> Action:
    return Action(
        text=text,
        prompt_ids=ids,
        token_ids=drawn.token_ids,
        token_logprobs=drawn.token_logprobs,
        finish_reason=drawn.finish_reason,
        version=drawn.version,
    )


def _too_long(problem: str) -> RefusedError:
    return RefusedError(400, problem, "context_length_exceeded", "messages")


def load_voices(configs: Mapping[str, AgentConfig], checkpoint: Path | None) -> dict[str, Local]:
    """Agents of this process, whatever engine they were trained with.

    Raises:
        CollmError: if a model or tokenizer cannot be opened.
    """
    here = {name: one.model_copy(update={"engine": InProcessKind()}) for name, one in configs.items()}
    agents, shared = load_agents(here, checkpoint), Lock()
    own = {agent.config.shares or name: Lock() for name, agent in agents.items()}
    return {
        name: Local(agent, own[agent.config.shares or name] if agent.config.adapter is None else shared)
        for name, agent in agents.items()
    }
