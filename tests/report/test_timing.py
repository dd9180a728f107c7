"""Time from counted work: the counts agree with what is known of them, and the rates enter as they should."""

from __future__ import annotations

import io
import json

import pytest
import torch
from rich.console import Console
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM

from collm.config.recipes import load_recipe
from collm.engines.cache import BatchCache
from collm.engines.decoding import Decoder
from collm.errors import CollmError
from collm.models.config import AdapterConfig, Optimization, Sampling
from collm.report.counting import Calls, bytes_of_step, choice_pass, counted, token_pass
from collm.report.dry_run import print_time
from collm.report.measuring import measured_rates
from collm.report.rates import CARDS, Rates, card_rates
from collm.report.simulation import Shape, parameters
from collm.report.timing import of_lengths, seconds
from tests.checkpoints import save_qwen3

UNIT = Rates("a test", 1e9, 1e9, 1e5)


@pytest.fixture(scope="module")
def architecture(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = save_qwen3(tmp_path_factory.mktemp("model"), layers=5)
    text: str = AutoConfig.from_pretrained(folder).to_json_string(use_diff=False)
    return text


def shape(architecture: str, **settings: object) -> Shape:
    values = {"rows": 2, "width": 40, "masked": False, "replies": 0, **settings}
    return Shape(architecture, "float32", **values)  # type: ignore[arg-type]


def linear_weights(architecture: str) -> int:
    """Numbers in matrices that every token is multiplied with, the head apart."""
    config = AutoConfig.for_model(**json.loads(architecture))
    vectors = config.num_hidden_layers * (2 * config.hidden_size + 2 * config.head_dim) + config.hidden_size
    return int(parameters(architecture)[0] - config.vocab_size * config.hidden_size - vectors)


def attention(architecture: str, rows: int, width: int) -> int:
    config = AutoConfig.for_model(**json.loads(architecture))
    return int(4 * config.num_hidden_layers * rows * config.num_attention_heads * config.head_dim * width**2)


def test_a_forward_pass_is_two_operations_a_weight_and_token(architecture: str) -> None:
    expected = 2 * linear_weights(architecture) * 2 * 40 + attention(architecture, 2, 40)
    assert counted(shape(architecture)).forward.arithmetic == pytest.approx(expected, rel=0.02)


def test_learning_is_three_forward_passes_four_with_checkpointing(architecture: str) -> None:
    plain, again = (counted(shape(architecture, checkpointing=one)) for one in (False, True))
    assert plain.learning.arithmetic / plain.forward.arithmetic == pytest.approx(3, rel=0.1)
    assert again.learning.arithmetic / plain.forward.arithmetic == pytest.approx(4, rel=0.1)
    assert again.learning.moved > plain.learning.moved > 2 * plain.forward.moved
    adapter = counted(shape(architecture, adapter=AdapterConfig(r=1)))
    assert adapter.learning.arithmetic < 0.9 * plain.learning.arithmetic


def test_operators_grow_with_layers_not_with_tokens(architecture: str) -> None:
    few, many = (counted(shape(architecture, rows=1, width=width)).forward.calls for width in (2, 40))
    assert few == many > 5 * 10


def test_a_drawn_token_is_counted_as_a_real_one_is(architecture: str) -> None:
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**json.loads(architecture))).eval()
    decoder = Decoder(model, frozenset(), 0)
    cache, starts = BatchCache(5, 9), torch.zeros(2, dtype=torch.long)
    token = torch.zeros(2, 1, dtype=torch.long)
    with torch.inference_mode():
        decoder.read(torch.zeros(2, 8, dtype=torch.long), cache, starts, 0, False)
        with Calls() as real, FlopCounterMode(display=False):  # which takes operators apart
            decoder.read(token, cache, starts, 8, False)
    told = token_pass(architecture, "float32", 2, 8, ahead=False)
    assert (told.calls, told.moved) == (real.count, real.moved)
    longer = token_pass(architecture, "float32", 2, 80, ahead=False)
    assert longer.calls == told.calls
    assert longer.moved > told.moved, "keys and values are spread over heads"


def test_families_with_states_of_their_own_are_counted_too() -> None:
    sizes = {"hidden_size": 8, "num_hidden_layers": 4, "vocab_size": 16, "state_size": 4}
    heads = {"num_heads": 4, "head_dim": 4, "n_groups": 1}
    for kind, more in (("mamba", {}), ("mamba2", heads)):
        text = AutoConfig.for_model(kind, **sizes, **more).to_json_string(use_diff=False)
        assert token_pass(text, "float32", 2, 30, ahead=True).calls > 0
        assert counted(shape(text, masked=True)).learning.moved > 0


def test_choosing_reads_the_vocabulary(architecture: str) -> None:
    greedy, cut = (
        choice_pass(architecture, "float32", 2, Sampling(temperature=heat, top_p=top).model_dump_json())
        for heat, top in ((0.0, 1.0), (1.0, 0.6))
    )
    assert cut.moved > greedy.moved > 2 * 4 * json.loads(architecture)["vocab_size"]


def test_rounding_steps_move_more_bytes() -> None:
    plain = bytes_of_step(Optimization(), "float32")
    assert 28 <= plain < bytes_of_step(Optimization(), "bfloat16")
    assert bytes_of_step(Optimization(optimizer="adamw_8bit"), "bfloat16") > plain


def test_a_device_of_twice_the_rates_takes_half_the_time() -> None:
    config = load_recipe("demo")
    slow = seconds(config, UNIT)
    fast = seconds(config, Rates("", 2e9, 2e9, 2e5))
    assert [one.role for one in slow] == ["agent player_1", "agent player_2", "critic central"]
    for one, other in zip(slow, fast, strict=True):
        assert one.total == pytest.approx(2 * other.total)
        assert one.learning > 0 < one.stepping
    assert slow[2].drawing == 0


def test_shorter_texts_take_less() -> None:
    config = load_recipe("coding/collm_cc")
    short = of_lengths(config, prompt=200, reply=100)
    assert short.agents["aux"].context == 2 * 200 + 100
    assert short.agents["aux"].sampling.max_tokens == 100
    assert short.critic is not None
    assert short.critic.context == 2 * 600  # type: ignore[union-attr]
    assert of_lengths(config, None, None) == config.model_copy(
        update={"critic": config.critic.model_copy(update={"context": 8192})}  # type: ignore[union-attr]
    )
    assert sum(one.total for one in seconds(short, UNIT)) < sum(one.total for one in seconds(config, UNIT))


def test_probes_are_drawn_too() -> None:
    plain, probing = (
        seconds(load_recipe("demo", ["critic=null", f"algorithm.type={name}"]), UNIT)
        for name in ("reinforce", "c3")
    )
    assert probing[0].drawing > 5 * plain[0].drawing  # 2, 6, 10 and 14 more samples than one at each turn


def test_who_never_learns_takes_no_time_to() -> None:
    frozen = load_recipe("demo", ["agents.player_2.frozen=true"])
    mine, theirs = seconds(frozen, UNIT)[:2]
    assert theirs.learning == theirs.stepping == 0 < min(mine.learning, mine.stepping, theirs.drawing)


def test_turns_that_read_themselves_alone_share_nothing() -> None:
    whole, turn = (
        seconds(load_recipe("demo", ["agents.*.context=400", f"agents.*.history={kind}"]), UNIT)[0]
        for kind in ("full", "turn")
    )
    assert turn.learning > 2 * whole.learning


def test_critics_passes_alone_take_time() -> None:
    more, plain = (load_recipe("demo", [f"algorithm.critic_epochs={number}"]) for number in (1, 0))
    first, second = (seconds(one, UNIT) for one in (more, plain))
    assert [one.learning for one in first[:2]] == [one.learning for one in second[:2]]
    assert first[2].learning == pytest.approx(2 * second[2].learning)


@pytest.mark.parametrize("card", CARDS)
def test_sheets_say_what_is_assumed(card: str) -> None:
    half, single = card_rates(card, "bfloat16"), card_rates(card, "float32")
    assert half.arithmetic > single.arithmetic
    assert "assumed: 40% of its FLOP/s" in half.source


def test_an_unknown_card_is_named() -> None:
    with pytest.raises(CollmError, match="--card: no data sheet of 'Abacus'"):
        card_rates("Abacus", "float32")


def test_this_machine_can_be_measured() -> None:
    rates = measured_rates(torch.device("cpu"), "float32")
    assert 1e8 < rates.arithmetic < 1e15
    assert 1e7 < rates.memory < 1e14
    assert 1e3 < rates.calls < 1e9


def test_update_and_run_are_printed() -> None:
    out = io.StringIO()
    config = load_recipe("demo", ["training.max_updates=3"])
    print_time(config, Console(file=out, width=100), UNIT)
    text = out.getvalue()
    assert "an update: " in text
    assert "in 3 updates" in text
    assert "rates: a test" in text
    out.truncate(0)
    print_time(load_recipe("coding/magrpo"), Console(file=out, width=100), UNIT)
    assert "the training tasks are not here" in out.getvalue()


def test_what_may_pass_at_the_same_time_is_said() -> None:
    ahead = ["training.collect_ahead=true", "algorithm.ratio_cap=2"]
    found = seconds(load_recipe("demo", ahead), UNIT)
    drawing, whole = sum(one.drawing for one in found), sum(one.total for one in found)
    assert f"collected ahead: {max(drawing, whole - drawing):.3g} s" in printed(ahead)
    assert "--cluster counts workers side by side" in printed(["placement.type=ray"])
    assert "collected ahead" not in printed([])
    assert "--cluster" not in printed([])


def printed(overrides: list[str]) -> str:
    out = io.StringIO()
    print_time(load_recipe("demo", overrides), Console(file=out, width=100), UNIT)
    return out.getvalue()
