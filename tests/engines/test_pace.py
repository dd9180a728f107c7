"""What the device's pace changes: nothing that is drawn, and at every token no wait and no new shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from collm.engines.batch import QUEUED, STEADY, Pace, pace_of
from collm.engines.decoding import Decoder, Draft
from collm.models.config import Sampling
from tests.agents.models import open_model
from tests.engines.test_decoding import ENDS, assert_same, drafts

SAMPLING = Sampling(temperature=0.7, top_p=0.9, top_k=20, max_tokens=12)
PACES = [Pace(3, True, True), Pace(5, False, True), QUEUED]
ALIKE = [(10, 20, 30, 40), (7, 8, 9, 10), (50, 60, 70, 80)]


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    return open_model(folder)


def decoder(model: Any, pace: Pace | None = None, prefill_tokens: int | None = None) -> Decoder:
    return Decoder(model, ENDS, 0, prefill_tokens, pace)


def test_a_gpu_is_looked_at_less_often() -> None:
    assert pace_of(torch.device("cpu")) == STEADY
    assert pace_of(torch.device("cuda:1")) == QUEUED


@pytest.mark.parametrize("pace", PACES, ids=str)
@pytest.mark.parametrize("contexts", [None, ALIKE], ids=["padded", "bare"])
def test_every_pace_draws_the_same(model: Any, pace: Pace, contexts: Any) -> None:
    wanted = drafts(range(16)) if contexts is None else drafts(range(16), contexts)
    found = decoder(model, pace).sample(wanted, SAMPLING)
    for one, other in zip(found, decoder(model).sample(wanted, SAMPLING), strict=True):
        assert_same(one, other)
        assert one.cache.length == other.cache.length
        for mine, theirs in zip(one.cache.layers, other.cache.layers, strict=True):
            torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("pace", PACES, ids=str)
def test_a_second_turn_goes_on_from_what_any_pace_kept(model: Any, pace: Pace) -> None:
    first = decoder(model, pace).sample(drafts(range(8)), SAMPLING)
    histories = [
        (draft.context + one.token_ids + (11, 12), one.cache)
        for draft, one in zip(drafts(range(8)), first, strict=True)
    ]
    kept = decoder(model, pace).sample([Draft(ids, cache, 5) for ids, cache in histories], SAMPLING)
    fresh = decoder(model).sample([Draft(ids, None, 5) for ids, _ in histories], SAMPLING)
    for one, other in zip(kept, fresh, strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("prefill_tokens", [1, 7, 1000])
@pytest.mark.parametrize("pace", [STEADY, QUEUED], ids=["steady", "queued"])
@pytest.mark.parametrize("contexts", [None, ALIKE], ids=["padded", "bare"])
def test_prompts_read_in_chunks_are_read_alike(
    model: Any, prefill_tokens: int, pace: Pace, contexts: Any
) -> None:
    wanted = drafts(range(8)) if contexts is None else drafts(range(8), contexts)
    found = decoder(model, pace, prefill_tokens).sample(wanted, SAMPLING)
    for one, other in zip(found, decoder(model).sample(wanted, SAMPLING), strict=True):
        assert_same(one, other)


def without_numbers(model: Any) -> Any:
    """The same architecture on a device where no number can be read: whoever asks for one, fails."""
    with torch.device("meta"):
        return type(model)(model.config).eval()


class Operations(TorchDispatchMode):
    """Notes every operation with the shapes that it is given."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[Any] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        shapes = tree_map_only(torch.Tensor, lambda one: tuple(one.shape), args)
        self.seen.append((str(func), [one for one in shapes if isinstance(one, tuple)]))
        return func(*args, **(kwargs or {}))


@torch.inference_mode()
def operations_of_tokens(model: Any, contexts: list[tuple[int, ...]], count: int) -> list[list[Any]]:
    """What runs at each of some tokens, from prompts of a model without numbers on."""
    empty = decoder(without_numbers(model), QUEUED)
    batch = empty._encode(drafts(range(6), contexts), SAMPLING, keep=True)
    found = []
    for _ in range(count):
        with Operations() as operations:
            empty._draw(batch, SAMPLING, None)
            empty._advance(batch)
        found.append(operations.seen)
    return found


@pytest.mark.parametrize("contexts", [ALIKE, [(1, 2, 3), (4, 5)]], ids=["bare", "padded"])
def test_between_two_looks_no_number_is_read_and_no_shape_changes(model: Any, contexts: Any) -> None:
    first, *others = operations_of_tokens(model, contexts, 5)
    assert len(first) > 50
    assert all(other == first for other in others)


def test_a_look_reads_numbers(model: Any) -> None:
    empty = decoder(without_numbers(model), QUEUED)
    with torch.inference_mode():
        batch = empty._encode(drafts(range(2)), SAMPLING, keep=True)
        with pytest.raises(RuntimeError, match="meta"):
            batch.look()


def test_where_nothing_is_padded_no_mask_is_made(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    def counted(self: Decoder, *args: Any) -> Any:
        made.append(1)
        return original(self, *args)

    original = Decoder._mask
    monkeypatch.setattr(Decoder, "_mask", counted)
    decoder(model, Pace(3, False, True)).sample(drafts(range(6), ALIKE), SAMPLING)
    assert not made
    decoder(model, Pace(3, False, True)).sample(drafts(range(6)), SAMPLING)
    assert made
