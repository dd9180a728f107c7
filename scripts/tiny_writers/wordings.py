"""How the two writers cut text into tokens: one with the space after a word, one with the space before."""

from __future__ import annotations

from collections.abc import Mapping

from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from scripts.tiny_team.vocabulary import Wording

_SUMMARY_PROMPTS = (
    "Create a concise summary response to this post.",
    "Instructions: Provide a brief and focused summary in a few sentences",
    "IMPORTANT INSTRUCTIONS:\n- Provide a brief, focused summary in one sentence or a few sentences\n"
    "- Be factual and informative",
)
_ELABORATION_PROMPTS = (
    "Create a detailed summary response to this post.",
    "Instructions: You should use transition words to improve flow",
    "IMPORTANT INSTRUCTIONS:\n- Use more unique words\n- Use some transition words to improve flow",
)

WORDINGS: Mapping[str, Wording] = {
    "summary": Wording(
        end="<|im_end|>",
        pad="<pad>",
        unknown="<unk>",
        markers=(),
        phrases=_SUMMARY_PROMPTS,
        cuts=r"[A-Za-z]+ ?|[.,:?] ?|\n+|[^A-Za-z]",
        byte_level=False,
        merges=1200,
        template="",
    ),
    "elaboration": Wording(
        end="<|end|>",
        pad="<|endoftext|>",
        unknown="<|unknown|>",
        markers=(),
        phrases=_ELABORATION_PROMPTS,
        cuts=PRETOKENIZE_REGEX,
        byte_level=True,
        merges=1200,
        template="",
    ),
}
