"""Two tokenizers that cut the same texts differently, and their chat templates.

Both hold fixed phrases and block names as whole tokens and spell the rest by byte-pair encoding over
the characters in use, so that no unused byte can slip into a reply. The first glues a coordinate to what
comes before it (``, 3``), the second to what follows (``3, ``). The second is laid out exactly as
Qwen2's own tokenizer, since transformers opens any folder of that architecture as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from collm.envs.minecraft.blueprint import AIR
from scripts.tiny_team.phrases import fixed_phrases, phrase_lines
from scripts.tiny_team.practice_houses import BLOCKS

MAX_LENGTH = 4096
DEFAULT_SYSTEM = "You are a Minecraft building agent."
_NAMES = (*BLOCKS, AIR)

CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MARKERS = (
    "{% if messages[0]['role'] != 'system' %}<|system|>" + DEFAULT_SYSTEM + "<|end|>{% endif %}"
    "{% for message in messages %}"
    "<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Wording:
    """How one agent's tokenizer cuts text, and how its chat template marks messages.

    Attributes:
        end, pad, unknown: the tokens that end a turn, fill up a batch and stand for foreign characters.
        markers: special tokens of the template.
        phrases: texts that are one token each.
        cuts: pieces of the rest that byte-pair encoding never merges, as a regular expression.
        byte_level: spell the bytes of characters, as Qwen2 does.
        byte_level: spell the bytes of characters, as Qwen2 does; foreign ones then vanish.
        merges: how many tokens byte-pair encoding may add to the characters.
        template: the chat template.
    """

    end: str
    pad: str
    unknown: str
    markers: tuple[str, ...]
    phrases: tuple[str, ...]
    cuts: str
    byte_level: bool
    merges: int
    template: str


def first_wording(texts: Sequence[str]) -> Wording:
    """Whole paragraphs as tokens, separators before coordinates, ChatML without a default system message."""
    roles = ("user\n", "assistant\n", "system\n")
    return Wording(
        end="<|im_end|>",
        pad="<pad>",
        unknown="<unk>",
        markers=("<|im_start|>",),
        phrases=(*fixed_phrases(texts), *(f" {name}" for name in _NAMES), *roles),
        cuts=r"\n?/[a-z]+|(?:(?:\)\})?\n\{|\), )\(\d|\)\}|\n- ?|(?:, |,|: | )\d|0\.\d|\d|"
        r" ?[A-Za-z]+|[^\dA-Za-z]",
        byte_level=False,
        merges=150,
        template=CHATML,
    )


def second_wording(texts: Sequence[str]) -> Wording:
    """Lines as tokens, separators after coordinates, own markers and a default system message."""
    coordinates = tuple(f"{digit}{mark}" for digit in range(10) for mark in (", ", " "))
    punctuation = ("\n{(", "), (", ")}\n{(", "\n- ", ": ", "/fill ", "\n/fill ", "/kill", "\n/kill")
    lines = {line.lstrip(" ") for line in phrase_lines(fixed_phrases(texts))}
    return Wording(
        end="<|end|>",
        pad="<|endoftext|>",
        unknown="<|unknown|>",
        markers=("<|system|>", "<|user|>", "<|assistant|>"),
        phrases=(*sorted(lines), *_NAMES, DEFAULT_SYSTEM, *coordinates, *punctuation),
        cuts=PRETOKENIZE_REGEX,
        byte_level=True,
        merges=20,
        template=MARKERS,
    )


def train_tokenizer(wording: Wording, texts: Sequence[str], rare: Sequence[str]) -> PreTrainedTokenizerFast:
    """Learn the merges from ``texts``; ``rare`` adds nothing but its characters."""
    tokenizer = _untrained(wording)
    alphabet = _alphabet([*texts, *rare], wording.byte_level)
    special = [wording.end, wording.pad, wording.unknown, *wording.markers]
    trainer = trainers.BpeTrainer(
        vocab_size=len(special) + len(alphabet) + wording.merges,
        min_frequency=5,
        initial_alphabet=alphabet,
        special_tokens=special,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_remainders(texts, wording.phrases), trainer)
    tokenizer.add_tokens([AddedToken(phrase, normalized=False) for phrase in wording.phrases])
    return _wrapped(tokenizer, wording)


def _untrained(wording: Wording) -> Tokenizer:
    split = pre_tokenizers.Split(Regex(wording.cuts), behavior="isolated")
    if not wording.byte_level:
        tokenizer = Tokenizer(models.BPE(unk_token=wording.unknown))
        tokenizer.pre_tokenizer = split
        tokenizer.decoder = decoders.Fuse()
        return tokenizer
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _alphabet(texts: Sequence[str], byte_level: bool) -> list[str]:
    characters = {character for text in texts for character in text}
    if byte_level:
        spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        characters = {spell.pre_tokenize_str(character)[0][0] for character in characters}
    return sorted(characters)


def _remainders(texts: Sequence[str], phrases: Sequence[str]) -> list[str]:
    """What is left of the texts for byte-pair encoding once the phrases are cut out."""
    remainders = list(texts)
    for phrase in sorted(phrases, key=len, reverse=True):
        remainders = [piece for text in remainders for piece in text.split(phrase) if piece]
    return remainders


def _wrapped(tokenizer: Tokenizer, wording: Wording) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=wording.unknown,
        pad_token=wording.pad,
        eos_token=wording.end,
        extra_special_tokens=list(wording.markers),
        chat_template=wording.template,
        model_max_length=MAX_LENGTH,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )
