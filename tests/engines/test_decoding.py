from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from collm.engines.decoding import Decoder, Draft, Sampled
from collm.models.config import Sampling
from tests.agents.models import CUTS, forced_logprobs, open_model

CONTEXTS = [(10, 20, 30), (7,), (50, 60, 70, 80, 90, 100, 110, 120), (10, 20, 30, 40), (200, 3, 4, 5, 6)]
ENDS = frozenset(range(30, 90))
"""Nearly a quarter of the vocabulary, so that samples end at many different lengths."""


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return open_model(folder)


def drafts(seeds: Sequence[int], contexts: Sequence[tuple[int, ...]] = CONTEXTS) -> list[Draft]:
    return [Draft(contexts[index % len(contexts)], None, seed) for index, seed in enumerate(seeds)]


def decoder(model: Any, ends: frozenset[int] = ENDS) -> Decoder:
    return Decoder(model, ends, pad_id=0)


def assert_same(found: Sampled, expected: Sampled) -> None:
    assert found.token_ids == expected.token_ids
    assert found.finish_reason == expected.finish_reason
    assert found.token_logprobs == pytest.approx(expected.token_logprobs, abs=1e-4)


def test_a_batch_draws_what_each_sample_draws_alone(model: Any) -> None:
    wanted, sampling = drafts(range(20)), Sampling(max_tokens=16)
    together = decoder(model).sample(wanted, sampling)
    assert len({len(one.token_ids) for one in together}) > 4, "rows should finish at different times"
    for draft, found in zip(wanted, together, strict=True):
        assert_same(found, decoder(model).sample([draft], sampling)[0])


def test_the_order_of_a_batch_does_not_matter(model: Any) -> None:
    wanted, sampling = drafts(range(12)), Sampling(max_tokens=8)
    forwards = decoder(model).sample(wanted, sampling)
    backwards = decoder(model).sample(wanted[::-1], sampling)
    for one, other in zip(forwards, reversed(backwards), strict=True):
        assert_same(one, other)


def test_the_seed_decides_the_sample(model: Any) -> None:
    context = CONTEXTS[0]
    same, again, different = decoder(model).sample(
        [Draft(context, None, 1), Draft(context, None, 1), Draft(context, None, 2)], Sampling(max_tokens=16)
    )
    assert same.token_ids == again.token_ids != different.token_ids


@pytest.mark.parametrize("how", CUTS)
def test_logprobs_are_those_of_teacher_forcing(model: Any, how: tuple[float, int | None, float]) -> None:
    temperature, top_k, top_p = how
    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, max_tokens=16)
    wanted = drafts(range(10))
    with torch.no_grad():
        for draft, found in zip(wanted, decoder(model).sample(wanted, sampling), strict=True):
            forced = forced_logprobs(model, draft.context, found.token_ids, how)
            assert found.token_logprobs == pytest.approx(forced.tolist(), abs=1e-4)


def test_samples_end_at_an_end_token_or_at_the_limit(model: Any) -> None:
    found = decoder(model).sample(drafts(range(20)), Sampling(max_tokens=4))
    assert {one.finish_reason for one in found} == {"stop", "length"}
    for one in found:
        assert not ENDS.intersection(one.token_ids[:-1])
        if one.finish_reason == "stop":
            assert one.token_ids[-1] in ENDS
        else:
            assert (len(one.token_ids), one.token_ids[-1] in ENDS) == (4, False)


def test_an_end_token_at_the_limit_is_a_stop(model: Any) -> None:
    everything = frozenset(range(model.config.vocab_size))
    (found,) = decoder(model, everything).sample(drafts([0]), Sampling(max_tokens=1))
    assert (found.finish_reason, len(found.token_ids)) == ("stop", 1)


def test_without_end_tokens_samples_are_as_long_as_allowed(model: Any) -> None:
    found = decoder(model, frozenset()).sample(drafts(range(3)), Sampling(max_tokens=5))
    assert [(len(one.token_ids), one.finish_reason) for one in found] == [(5, "length")] * 3


def test_greedy_samples_are_those_of_generate(model: Any) -> None:
    found = decoder(model, frozenset()).sample(drafts(range(5)), Sampling(temperature=0, max_tokens=10))
    for context, one in zip(CONTEXTS, found, strict=True):
        expected = model.generate(
            input_ids=torch.tensor([context]),
            attention_mask=torch.ones(1, len(context), dtype=torch.long),
            do_sample=False,
            max_new_tokens=10,
            min_new_tokens=10,
            eos_token_id=-1,
            pad_token_id=0,
        )
        assert one.token_ids == tuple(expected[0, len(context) :].tolist())
        with torch.no_grad():
            assert one.token_logprobs == pytest.approx(
                forced_logprobs(model, context, one.token_ids).tolist(), abs=1e-4
            )


def test_frequencies_match_the_policy(model: Any) -> None:
    context, count = CONTEXTS[0], 4000
    sampling = Sampling(top_k=4, max_tokens=1)
    found = decoder(model).sample([Draft(context, None, seed) for seed in range(count)], sampling)
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([context])).logits[0, -1]
    top = logits.topk(4)
    for token, share in zip(top.indices.tolist(), top.values.softmax(-1).tolist(), strict=True):
        drawn = sum(one.token_ids[0] == token for one in found) / count
        assert drawn == pytest.approx(share, abs=4 * (share * (1 - share) / count) ** 0.5)


def test_a_cached_turn_draws_what_encoding_it_again_draws(model: Any) -> None:
    sampling = Sampling(max_tokens=6)
    first = decoder(model).sample(drafts(range(10)), sampling)
    histories = [
        CONTEXTS[i % len(CONTEXTS)] + one.token_ids + (11, 12, 13)[: 1 + i % 3] for i, one in enumerate(first)
    ]
    assert [one.cache.length for one in first] == [
        len(CONTEXTS[i % len(CONTEXTS)]) + len(one.token_ids) - 1 for i, one in enumerate(first)
    ]
    cached = [Draft(h, one.cache, 100 + i) for i, (h, one) in enumerate(zip(histories, first, strict=True))]
    mixed = [Draft(d.context, d.cached if i % 2 else None, d.seed) for i, d in enumerate(cached)]
    fresh = [Draft(d.context, None, d.seed) for d in cached]
    expected = decoder(model).sample(fresh, sampling)
    for variant in (cached, mixed):
        for found, wanted in zip(decoder(model).sample(variant, sampling), expected, strict=True):
            assert_same(found, wanted)


def test_the_cache_of_a_third_turn_is_as_good_as_new(model: Any) -> None:
    sampling = Sampling(max_tokens=5)
    contexts, caches = list(CONTEXTS), [None] * len(CONTEXTS)
    for turn in range(3):
        wanted = [
            Draft(context, cache, 10 * turn + i)
            for i, (context, cache) in enumerate(zip(contexts, caches, strict=True))
        ]
        found = decoder(model).sample(wanted, sampling)
        for draft, one in zip(wanted, found, strict=True):
            assert_same(one, decoder(model).sample([Draft(draft.context, None, draft.seed)], sampling)[0])
        contexts = [c + one.token_ids + (20 + turn,) for c, one in zip(contexts, found, strict=True)]
        caches = [one.cache for one in found]  # type: ignore[misc]
