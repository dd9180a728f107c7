"""How the two coders cut text into tokens; what the environment always says is one token a stretch or a line.

Both know what either of them reads, so that each model can serve as a centralized critic.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from collm.envs.coding.coding import Coding
from collm.envs.coding.problem import Problem
from scripts.tiny_team.phrases import phrase_lines
from scripts.tiny_team.vocabulary import CHATML, Wording

MARKERS = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_VARYING = re.compile(r"PROBLEM|(?:def )?NAME(?:\(\.\.\.\))?|def aux")
_HEADERS = tuple(f"[{agent} {kind}]\n" for agent in ("aux", "main") for kind in ("observation", "action"))
_DIAGNOSTICS = (
    "Static and execution diagnostics:\n",
    "- Aux definition: FOUND (Aux function defined)\n",
    "- Aux definition: MISSING (Aux function missing return statement)\n",
    "- Aux definition: MISSING (Aux function not defined)\n",
    "- Main definition: FOUND (Main function ",
    "- Main definition: MISSING (Main function ",
    " defined)\n",
    " not defined)\n",
    " missing return statement)\n",
    "- Syntax: OK (Combined code syntax OK)\n",
    "- Syntax: ERROR (Combined code has syntax error: ",
    "  SyntaxError at line ",
    "- Tests: ",
    " passed\n",
    "- assert candidate(",
    "\n  AssertionError: expected ",
    "\n  NameError: name ",
    " is not defined\n",
    "- Aux usage: main calls aux and uses its result\n",
    "- Aux usage: main does NOT call aux\n",
    "- Warning: main appears to be a thin wrapper over aux\n",
    "Revise your ",
    " accordingly.",
    "You are at turn = ",
    " over a 2-turn episode.\n",
    "Your last-turn reward is ",
    " / 4.\n",
)


def first_prompt_phrases() -> tuple[str, ...]:
    """What stands between the varying parts of the first prompts."""
    problem = Problem("sample", "PROBLEM", "", "NAME")
    env = Coding()
    seen = env.observe(env.reset(problem, 0)).values()
    stretches = (part for each in seen for part in _VARYING.split(each.text))
    return tuple(sorted({part for part in stretches if len(part) > 3}))


def wordings() -> Mapping[str, Wording]:
    """Aux takes a word with the space after it, main one with the space before, byte by byte."""
    whole = (*first_prompt_phrases(), *_HEADERS, *_DIAGNOSTICS)
    return {
        "aux": Wording(
            end="<|im_end|>",
            pad="<pad>",
            unknown="<unk>",
            markers=("<|im_start|>",),
            phrases=(*whole, "user\n", "assistant\n", "system\n", '\n    """', "\n    >>> "),
            cuts=r"\n *|[A-Za-z]+ ?|\d|[^A-Za-z\d\s] ?| +",
            byte_level=False,
            merges=900,
            template=CHATML,
        ),
        "main": Wording(
            end="<|end|>",
            pad="<|endoftext|>",
            unknown="<|unknown|>",
            markers=("<|system|>", "<|user|>", "<|assistant|>"),
            phrases=_lines(whole),
            cuts=PRETOKENIZE_REGEX,
            byte_level=True,
            merges=1400,
            template=MARKERS,
        ),
    }


def _lines(phrases: Sequence[str]) -> tuple[str, ...]:
    return tuple(phrase_lines(phrases))
