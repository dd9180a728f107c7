"""What writers read when they may see each other's texts: raw text without a chat template.

For ``tldr`` as the scripts that come with the paper's reference code ask; those do not treat ``arxiv``,
which asks here in the same pattern.
"""

from __future__ import annotations

from collections.abc import Mapping

_EXPAND = "- Use some transition words to improve flow\n- Make it 2-3 times longer than the concise summary\n"


def informed_tldr_prompt(post: str, agent: str, texts: Mapping[str, str]) -> str | None:
    """The prompt of ``summary`` or ``elaboration``, ``None`` for a brief one that has yet to begin.

    Args:
        post: the source.
        agent: who reads.
        texts: both texts, or the summary alone for an elaboration of it.
    """
    if agent == "elaboration":
        return _revised_elaboration(post, texts) if agent in texts else _expansion(post, texts["summary"])
    return _revised_summary(post, texts) if agent in texts else None


def _expansion(post: str, summary: str) -> str:
    return (
        "Create a detailed summary that expands on the following concise summary.\n\n"
        f"Original Query:\n{post}\n\n"
        f"Concise Summary (from another agent):\n{summary}\n\n"
        "IMPORTANT INSTRUCTIONS:\n"
        "- Build upon and expand the concise summary\n"
        "- Use more unique words\n" + _EXPAND
    )


def _revised_summary(post: str, texts: Mapping[str, str]) -> str:
    return (
        "Refine your concise summary based on the detailed version.\n\n"
        f"Original Query:\n{post}\n\n"
        f"Your previous concise summary:\n{texts['summary']}\n\n"
        f"Detailed summary (from another agent):\n{texts['elaboration']}\n\n"
        "IMPORTANT INSTRUCTIONS:\n"
        "- Output ONLY the refined concise summary\n"
        "- Ensure it provides a good foundation for the detailed version\n"
        "- Keep it brief and focused\n"
    )


def _revised_elaboration(post: str, texts: Mapping[str, str]) -> str:
    return (
        "Refine your detailed summary now that you can see the concise version.\n\n"
        f"Original Query:\n{post}\n\n"
        f"Your previous detailed summary:\n{texts['elaboration']}\n\n"
        f"Concise summary (from another agent):\n{texts['summary']}\n\n"
        "IMPORTANT INSTRUCTIONS:\n"
        "- Build upon and expand the concise summary\n"
        "- Use more unique words than the concise summary\n" + _EXPAND
    )


def informed_arxiv_prompt(prompt: str, agent: str, texts: Mapping[str, str]) -> str:
    """The prompt of ``background`` or ``method``, given its first one.

    Args:
        prompt: what the agent reads when it sees no other text.
        agent: who reads.
        texts: what is written, the agent's own text among it if it is to write again.
    """
    others = "\n\n".join(f"The other agent's text:\n{text}" for name, text in texts.items() if name != agent)
    if agent not in texts:
        return f"{prompt}\n{others}\n\n- Make your text fit with it\n"
    return (
        f"{prompt}\n{others}\n\nYour previous text:\n{texts[agent]}\n\n"
        "- Refine your text now that you can see the other one\n- Output ONLY the refined text\n"
    )
