"""What writers read: raw text without a chat template, in the wording of the paper or its reference code.

Paper appendix E.1 has the prompts of ``tldr``. The paper does not treat ``arxiv`` nor print the prompts
of a single writer, so both readings share those; the last and ``sections`` are in our own words.
"""

from __future__ import annotations

from collections.abc import Mapping

from collm.envs.writing.paragraphs import DELIMITER

_SHORT, _DETAILED = (f"Create a {kind} summary response to this post." for kind in ("concise", "detailed"))


def paper_tldr_prompts(post: str) -> dict[str, str]:
    """The prompts of the agents ``summary`` and ``elaboration`` in the words of the paper."""
    return {
        "summary": f"{_SHORT}\nQuery: {post}\n"
        "Instructions: Provide a brief and focused summary in a few sentences\n",
        "elaboration": f"{_DETAILED}\nQuery: {post}\n"
        "Instructions: You should use transition words to improve flow\n",
    }


def reference_tldr_prompts(post: str) -> dict[str, str]:
    """The prompts of the agents ``summary`` and ``elaboration`` in the words of the reference code."""
    return {
        "summary": f"{_SHORT}\n\nQuery:\n{post}\n\nIMPORTANT INSTRUCTIONS:\n"
        "- Provide a brief, focused summary in one sentence or a few sentences\n"
        "- Be factual and informative\n",
        "elaboration": f"{_DETAILED}\n\nOriginal Query:\n{post}\n\nIMPORTANT INSTRUCTIONS:\n"
        "- Use more unique words\n"
        "- Use some transition words to improve flow\n",
    }


def arxiv_prompts(abstract: str) -> dict[str, str]:
    """The prompts of the agents ``background`` and ``method``."""
    background, method = "background and motivation", "methodology and implications"
    return {
        "background": _arxiv_prompt(abstract, own=background, other=method, others=method),
        "method": _arxiv_prompt(abstract, own=method, other=f"the {background}", others=background),
    }


def _arxiv_prompt(abstract: str, own: str, other: str, others: str) -> str:
    return (
        "Based on the following scientific abstract, expand content for an introduction section.\n\n"
        f"Abstract:\n{abstract}\n\n"
        "IMPORTANT INSTRUCTIONS:\n"
        f"- There is another agent that will provide {other}\n"
        f"- You just need to focus on {own}\n"
        f"- Avoid repeating {others} content\n"
    )


def single_tldr_prompt(post: str) -> str:
    """One writer for both texts of ``tldr``."""
    return _two_paragraphs(
        f"Please provide a summary of this Reddit post in exactly two paragraphs:\n\n{post}",
        "First paragraph: a concise summary of the main points",
        "Second paragraph: expand on it with more details, more unique vocabulary and transition words of as "
        "many categories as possible; make it 2-3 times longer than the first in characters, in one style",
    )


def single_arxiv_prompt(abstract: str) -> str:
    """One writer for both texts of ``arxiv``."""
    return _two_paragraphs(
        "Based on the following scientific abstract, expand it into an introduction of exactly two "
        f"paragraphs of the SAME LENGTH:\n\n{abstract}",
        "First paragraph: the background and motivation",
        "Second paragraph: the framework, method, contribution and implications",
    )


def _two_paragraphs(request: str, first: str, second: str) -> str:
    return (
        f"{request}\n\nInstructions:\n- {first}\n- {second}\n\n"
        "IMPORTANT REQUIREMENTS - FOLLOW EXACTLY:\n"
        "- No paragraph may have fewer than 10 or more than 200 tokens\n"
        f"- Use EXACTLY this delimiter between the paragraphs: {DELIMITER}\n\n"
        f"FORMAT:\nParagraph 1: ...\n{DELIMITER}\nParagraph 2: ...\n"
    )


def section_prompts(source: str, sections: Mapping[str, str]) -> dict[str, str]:
    """The prompts of any number of section writers, by agent; ``sections`` says what each writes about."""
    total = len(sections)
    return {
        agent: (
            f"A document of {total} sections grows out of this text; {total} agents write one each.\n\n"
            f"Text:\n{source}\n\n"
            "Instructions:\n"
            f"- Write only section {number}: {topic}\n"
            f"- Leave to the others: {'; '.join(t for name, t in sections.items() if name != agent)}\n"
            "- Make it as long as the other sections and use transition words to improve flow\n"
        )
        for number, (agent, topic) in enumerate(sections.items(), start=1)
    }
