"""An agent's context: from observations and actions to the token ids of prompts, and back to text.

Histories are token-in, token-out: sampled ids are kept as they are and only new text is encoded,
through the agent's own chat template.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collm.agents.config import AgentConfig
from collm.errors import CollmError
from collm.models.templates import rendered
from collm.types import History, Ids, Observation

_REPLY = "<<reply>>"
RAW_SEPARATOR = "\n\n"


class Context:
    """Makes one agent's prompts; knows its tokenizer and no weights.

    Args:
        tokenizer: a Hugging Face tokenizer; gets ``config.chat_template`` if there is one.
        config: history mode, context limit, template.
        name: the agent's id, for errors.

    Raises:
        CollmError: if the chat template is no text file.
    """

    def __init__(self, tokenizer: Any, config: AgentConfig, name: str) -> None:
        where = f"agents.{name}"
        if config.chat_template is not None:
            tokenizer.chat_template = _read_template(config.chat_template, f"{where}.chat_template")
        self.tokenizer, self._config, self._where = tokenizer, config, where
        self._renderer = Renderer(tokenizer, dict(config.template_options), where)

    @property
    def extends(self) -> bool:
        """Whether a later prompt goes on where an earlier one and its reply ended."""
        return self._config.keeps_cache

    def prompt(self, history: History, observation: Observation) -> tuple[Ids, int]:
        """The most recent ``C`` tokens to condition on, and how many of them were read and written before."""
        if self._config.history == "turn" or not history.actions:
            ids, known = tuple(self._renderer.opening(observation)), 0
        else:
            last = history.actions[-1]
            past = last.prompt_ids + last.token_ids
            ids, known = past + tuple(self._renderer.continuation(observation, past[-1])), len(past)
        if len(ids) > self._config.context:
            return ids[-self._config.context :], 0
        return ids, known if self._config.keep_cache else 0

    def text(self, token_ids: Ids) -> str:
        """What a reply says."""
        return str(self.tokenizer.decode(token_ids, skip_special_tokens=True))

    def reply(self, text: str) -> Ids:
        """What says a text: its tokens, and the end of the turn."""
        return (*self.tokenizer(text, add_special_tokens=False).input_ids, self.tokenizer.eos_token_id)

    def spelling(self, token_id: int) -> str:
        """What one token says, special ones too."""
        return str(self.tokenizer.decode((token_id,)))

    def read(self, observations: Sequence[Observation], place: str) -> set[int]:
        """Every token that the observations of an episode are made of.

        Raises:
            CollmError: if there is no chat template where one is needed, it fails, or the first
                observation does not fit into the context.
        """
        opening, limit = self._renderer.opening(observations[0]), self._config.context
        if len(opening) > limit:
            problem = f"the first observation of {place} takes {len(opening)} tokens, more than {limit}."
            mend = "raise it, or the beginning would never be read."
            raise CollmError(f"{self._where}.context", problem, mend)
        ids, full = set(opening), self._config.history == "full"
        for later in observations[1:]:
            ids |= set(self._renderer.continuation(later, None) if full else self._renderer.opening(later))
        return ids


class Renderer:
    """Encodes the first observation of a history and every later one.

    Args:
        tokenizer: a Hugging Face tokenizer, with a chat template unless all observations are raw.
        options: extra arguments of the template.
        where: names the agent in errors.
    """

    def __init__(self, tokenizer: Any, options: dict[str, Any], where: str) -> None:
        self._tokenizer, self._options, self._where = tokenizer, options, where

    def opening(self, observation: Observation) -> list[int]:
        """Tokens of a history's first observation, up to where the agent starts to write."""
        if observation.raw:
            return list(self._tokenizer(observation.text).input_ids)
        return self._encode(self._render([*_system(observation), _user(observation.text)], prompt=True))

    def continuation(self, observation: Observation, last_token: int | None) -> list[int]:
        """Tokens between the agent's last one and its next reply.

        Args:
            observation: the new observation.
            last_token: the last sampled token; if the template would write it again (an end-of-turn
                token), it is not repeated.
        """
        if observation.raw:
            return self._encode(RAW_SEPARATOR + observation.text)
        messages = [_user("?"), {"role": "assistant", "content": _REPLY}, _user(observation.text)]
        before, reply, after = self._render(messages, prompt=True).partition(_REPLY)
        if not reply:
            problem = f"the chat template leaves the agent's own replies out: {before!r}."
            raise CollmError(self._where, problem, "set chat_template to one that keeps them.")
        ids = self._encode(after)
        return ids[1:] if ids and ids[0] == last_token else ids

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)

    def _render(self, messages: list[dict[str, str]], prompt: bool) -> str:
        if not self._tokenizer.chat_template:
            mend = "set chat_template to a Jinja file, or use an environment with raw observations."
            raise CollmError(self._where, "the tokenizer has no chat template.", mend)
        try:
            return rendered(self._tokenizer, messages, self._options, prompt)
        except Exception as error:
            problem = f"the chat template fails: {error}."
            raise CollmError(self._where, problem, "correct the template or its options.") from error


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _system(observation: Observation) -> list[dict[str, str]]:
    return [] if observation.system is None else [{"role": "system", "content": observation.system}]


def _read_template(path: str, where: str) -> str:
    file = Path(path).expanduser()
    if not file.is_file():
        raise CollmError(where, f"no such file: {path}.", "give the path of a Jinja chat template.")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CollmError(where, f"{path} is not a text in UTF-8.", "give a Jinja chat template.") from None
