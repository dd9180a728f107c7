from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders
from tokenizers import models as token_models
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from collm.agents.agent import Agent
from collm.agents.policy import Request
from collm.errors import CollmError
from collm.types import Action, History, Ids, Observation
from tests.agents.models import CUTS, weights
from tests.tiny_agents import MakeAgent, model_of

TEXTS = ("Build a house.", "No, a longer and much taller tower, with windows.", "Why?")


@dataclass(frozen=True)
class Said:
    """An action and the history that it leads to."""

    action: Action
    history: History

    @property
    def ids(self) -> Ids:
        """Everything read and written so far."""
        return self.action.prompt_ids + self.action.token_ids


def sample(agent: Agent, requests: Sequence[Request], greedy: bool = False) -> list[tuple[Said, ...]]:
    """Let an agent answer, with histories that go on."""
    answers = agent.policy.submit(requests, greedy, keep=True).result()
    return [
        tuple(Said(action, request.history.after(request.observation, action)) for action in actions)
        for request, actions in zip(requests, answers, strict=True)
    ]


def first_turn(agent: Agent, samples: int = 3, texts: Sequence[str] = TEXTS) -> list[tuple[Said, ...]]:
    seeds = iter(range(1000))
    requests = [
        Request(History(), Observation(text), tuple(next(seeds) for _ in range(samples))) for text in texts
    ]
    return sample(agent, requests)


def later_turn(agent: Agent, replies: Sequence[tuple[Said, ...]], text: str = "Again.") -> list[Said]:
    """Every reply's history goes on with one sample."""
    requests = [
        Request(reply.history, Observation(f"{text} {number}"), (7000 + number,))
        for number, reply in enumerate(reply for group in replies for reply in group)
    ]
    return [group[0] for group in sample(agent, requests)]


def same(one: Said, other: Said) -> bool:
    """Whether two replies agree but for rounding."""
    return replace(one.action, token_logprobs=()) == replace(other.action, token_logprobs=()) and (
        one.action.token_logprobs == pytest.approx(other.action.token_logprobs, abs=1e-4)
    )


def logprobs(agent: Agent, actions: Sequence[Action]) -> list[float]:
    """What a teacher-forced pass says of whole actions."""
    return [sum(one) for one in agent.learner.logprobs([(a.prompt_ids, a.token_ids) for a in actions])]


def tokenizer(agent: Agent) -> Any:
    return agent.policy.context.tokenizer


def decoded(agent: Agent, ids: Ids) -> str:
    return str(tokenizer(agent).decode(ids))


def ending(folder: Path, copy: Path, end_ids: list[int]) -> Path:
    """A copy of a checkpoint whose generation config names more tokens that end a turn."""
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.generation_config.eos_token_id = end_ids
    model.save_pretrained(copy)
    AutoTokenizer.from_pretrained(folder).save_pretrained(copy)
    return copy


def test_requests_are_answered_in_order_with_a_sample_for_each_seed(make_agent: MakeAgent) -> None:
    agent = make_agent()
    answers = first_turn(agent, samples=2)
    assert [len(group) for group in answers] == [2, 2, 2]
    for text, group in zip(TEXTS, answers, strict=True):
        for reply in group:
            prompt = f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
            assert decoded(agent, reply.action.prompt_ids) == prompt
            assert reply.history == History((Observation(text),), (reply.action,))
            assert len(reply.action.token_logprobs) == len(reply.action.token_ids) == 12
            assert reply.action.finish_reason == "length"


@pytest.mark.parametrize("how", CUTS)
def test_behavior_logprobs_are_those_of_the_teacher_forced_pass(
    make_agent: MakeAgent, folder: Path, how: tuple[float, int | None, float]
) -> None:
    temperature, top_k, top_p = how
    agent = make_agent(model=folder, temperature=temperature, top_k=top_k, top_p=top_p)
    first = first_turn(agent)
    second = later_turn(agent, first)
    actions = [reply.action for group in first for reply in group] + [reply.action for reply in second]
    assert logprobs(agent, actions) == pytest.approx([action.logprob for action in actions], abs=1e-3)


def test_a_sample_does_not_depend_on_the_batch_around_it(make_agent: MakeAgent) -> None:
    agent, small = make_agent(), make_agent(batch_rows=2)
    first = first_turn(agent)
    for number, (group, other) in enumerate(zip(first, first_turn(small), strict=True)):
        assert all(map(same, group, other))
        request = Request(History(), Observation(TEXTS[number]), (3 * number + 1,))
        assert same(sample(agent, [request])[0][0], group[1])


def test_histories_hold_everything_read_and_written(make_agent: MakeAgent) -> None:
    agent = make_agent()
    first = first_turn(agent)
    for before, after in zip((r for g in first for r in g), later_turn(agent, first), strict=True):
        context = after.action.prompt_ids
        assert context[: len(before.ids)] == before.ids
        added = decoded(agent, context[len(before.ids) :])
        assert added.startswith("<|im_end|>\n<|im_start|>user\nAgain. ")
        assert added.endswith("<|im_end|>\n<|im_start|>assistant\n")


def test_keeping_the_cache_changes_nothing_but_the_work(make_agent: MakeAgent, folder: Path) -> None:
    keeping, forgetting = make_agent(model=folder), make_agent(model=folder, keep_cache=False)
    kept, forgotten = first_turn(keeping), first_turn(forgetting)
    for _ in range(3):
        kept = [(reply,) for reply in later_turn(keeping, kept)]
        forgotten = [(reply,) for reply in later_turn(forgetting, forgotten)]
        for (one,), (other,) in zip(kept, forgotten, strict=True):
            assert same(one, other)


def test_the_context_limit_keeps_the_most_recent_tokens(make_agent: MakeAgent) -> None:
    limited, free = make_agent(context=40), make_agent()
    long = Request(History(), Observation("x" * 200 + "END"), (0,))
    whole, cut = sample(free, [long])[0][0], sample(limited, [long])[0][0]
    assert cut.action.prompt_ids == whole.action.prompt_ids[-40:]

    short = Observation("y")
    after = sample(limited, [Request(cut.history, short, (1,))])[0][0]
    added = sample(free, [Request(cut.history, short, (1,))])[0][0].action.prompt_ids[52:]
    assert 0 < len(added) < 40
    assert after.action.prompt_ids == (cut.ids + added)[-40:]
    assert logprobs(limited, [cut.action, after.action]) == pytest.approx(
        [cut.action.logprob, after.action.logprob], abs=1e-3
    )


def test_a_history_of_turns_is_the_current_observation_alone(make_agent: MakeAgent) -> None:
    agent = make_agent(history="turn")
    first = first_turn(agent, samples=1)
    again = sample(agent, [Request(first[1][0].history, Observation(TEXTS[0]), (0,))])[0][0]
    assert same(again, first[0][0])


def test_samples_end_at_every_token_that_the_generation_config_names(
    make_agent: MakeAgent, qwen3: Path, tmp_path: Path
) -> None:
    ends = [2, *range(40, 120)]
    agent = make_agent(model=ending(qwen3, tmp_path / "ending", ends), max_tokens=40)
    actions = [reply.action for group in first_turn(agent, samples=8) for reply in group]
    stopped = [action for action in actions if action.finish_reason == "stop"]
    assert len(stopped) > 20
    assert {action.token_ids[-1] for action in stopped} <= set(ends)
    assert len({action.token_ids[-1] for action in stopped}) > 5


def test_special_tokens_are_kept_as_ids_and_left_out_of_the_text(make_agent: MakeAgent) -> None:
    agent = make_agent(max_tokens=200)
    actions = [reply.action for group in first_turn(agent, samples=6) for reply in group]
    special = set(tokenizer(agent).all_special_ids)
    assert any(special & set(action.token_ids) for action in actions)
    for action in actions:
        plain = [token for token in action.token_ids if token not in special]
        assert action.text == tokenizer(agent).decode(plain)
        assert "<|" not in action.text


def test_the_end_token_stands_once_between_turns(make_agent: MakeAgent) -> None:
    agent = make_agent(max_tokens=100)
    replies = [reply for group in first_turn(agent, samples=8) for reply in group]
    assert {reply.action.finish_reason for reply in replies} == {"stop", "length"}
    following = sample(agent, [Request(reply.history, Observation("more"), (1,)) for reply in replies])
    for reply, (after,) in zip(replies, following, strict=True):
        added = decoded(agent, after.action.prompt_ids[len(reply.ids) :])
        end = "" if reply.action.finish_reason == "stop" else "<|im_end|>"
        assert added == f"{end}\n<|im_start|>user\nmore<|im_end|>\n<|im_start|>assistant\n"


def test_raw_observations_are_appended_as_they_are(make_agent: MakeAgent) -> None:
    agent = make_agent()
    (one,) = sample(agent, [Request(History(), Observation("Once", raw=True), (0,))])[0]
    assert decoded(agent, one.action.prompt_ids) == "Once"
    (two,) = sample(agent, [Request(one.history, Observation("more", raw=True), (1,))])[0]
    assert two.action.prompt_ids == one.ids + tuple(tokenizer(agent)("\n\nmore").input_ids)


def merging_checkpoint(folder: Path) -> Path:
    """A model over four letters whose tokenizer joins every pair that it reads into one token."""
    letters = ["a", "b", "c", "d"]
    pairs = [(one, other) for one in letters for other in letters]
    names = ["<pad>", "<end>", *letters, *(one + other for one, other in pairs)]
    tokenizer = Tokenizer(token_models.BPE({name: i for i, name in enumerate(names)}, merges=pairs))
    tokenizer.decoder = decoders.Fuse()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<end>", pad_token="<pad>", extra_special_tokens=names[:2]
    ).save_pretrained(folder)
    torch.manual_seed(3)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "head_dim": 8}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    Qwen3ForCausalLM(Qwen3Config(**sizes, **heads, vocab_size=len(names), eos_token_id=1)).save_pretrained(
        folder
    )
    return folder


def test_sampled_ids_are_never_tokenized_again(make_agent: MakeAgent, tmp_path: Path) -> None:
    agent = make_agent(model=merging_checkpoint(tmp_path / "merging"))
    raw = Observation("abba", raw=True)
    replies = sample(agent, [Request(History(), raw, tuple(range(10)))])[0]
    changed = 0
    for reply in replies:
        action = reply.action
        assert len(tokenizer(agent)("abba").input_ids) == 2, "pairs are joined when text is read"
        changed += tuple(tokenizer(agent)(action.text).input_ids) != action.token_ids
        (after,) = sample(agent, [Request(reply.history, raw, (0,))])[0]
        assert after.action.prompt_ids[: len(reply.ids)] == reply.ids
        assert logprobs(agent, [after.action]) == pytest.approx([after.action.logprob], abs=1e-4)
    assert changed >= 5, "reading the replies again would change most of them"


def test_greedy_samples_ignore_seeds_and_temperature(make_agent: MakeAgent) -> None:
    agent = make_agent(temperature=2.0)
    (group,) = sample(agent, [Request(History(), Observation("hi"), (0, 1))], greedy=True)
    assert group[0].action.token_ids == group[1].action.token_ids
    other = sample(make_agent(), [Request(History(), Observation("hi"), (5,))], greedy=True)[0][0]
    assert same(group[0], other)


def test_sampling_leaves_the_weights_alone(make_agent: MakeAgent) -> None:
    agent = make_agent()
    before = weights(model_of(agent))
    first_turn(agent)
    assert all(torch.equal(value, before[name]) for name, value in model_of(agent).state_dict().items())


def test_a_saved_agent_is_an_ordinary_model_folder(make_agent: MakeAgent, tmp_path: Path) -> None:
    agent = make_agent()
    agent.save(tmp_path)
    model, opened = AutoModelForCausalLM.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert all(
        torch.equal(value, model_of(agent).state_dict()[name]) for name, value in model.state_dict().items()
    )
    prompt = opened.apply_chat_template(
        [{"role": "user", "content": TEXTS[0]}], add_generation_prompt=True, return_dict=False
    )
    assert tuple(prompt) == first_turn(agent)[0][0].action.prompt_ids


def test_a_loaded_agent_samples_what_the_saved_one_does(make_agent: MakeAgent, tmp_path: Path) -> None:
    agent = make_agent()
    agent.save(tmp_path)
    loaded = make_agent(model=Path("nowhere"), weights=tmp_path)
    assert [r.action for g in first_turn(loaded) for r in g] == [
        r.action for g in first_turn(agent) for r in g
    ]


def test_a_template_of_ones_own_replaces_the_tokenizers(make_agent: MakeAgent, tmp_path: Path) -> None:
    file = tmp_path / "template.jinja"
    file.write_text("{% for m in messages %}({{ m.content }}){% endfor %}{{ mark }}")
    agent = make_agent(chat_template=str(file), template_options={"mark": "?"})
    assert decoded(agent, first_turn(agent)[0][0].action.prompt_ids) == f"({TEXTS[0]})?"
    agent.save(tmp_path / "saved")
    assert AutoTokenizer.from_pretrained(tmp_path / "saved").chat_template == file.read_text()


def test_a_template_file_that_is_missing_is_named(make_agent: MakeAgent) -> None:
    with pytest.raises(CollmError, match=r"agents.one.chat_template: no such file"):
        make_agent(chat_template="nowhere.jinja")
