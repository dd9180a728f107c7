"""Turns observations into the tokens that extend a history, through the agent's own chat template.

Histories are token-in, token-out: sampled ids are kept as they are and only new text is encoded.
"""

from __future__ import annotations

from typing import Any

from collm.errors import CollmError
from collm.types import Observation

_REPLY = "<<reply>>"
_RAW_SEPARATOR = "\n\n"


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
            return self._encode(_RAW_SEPARATOR + observation.text)
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
            return str(
                self._tokenizer.apply_chat_template(
                    messages, tokenize=False, add_generation_prompt=prompt, **self._options
                )
            )
        except Exception as error:
            problem = f"the chat template fails: {error}."
            raise CollmError(self._where, problem, "correct the template or its options.") from error


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _system(observation: Observation) -> list[dict[str, str]]:
    return [] if observation.system is None else [{"role": "system", "content": observation.system}]
