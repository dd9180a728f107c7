"""``collm estimate``."""

from __future__ import annotations

from typing import Annotated

import typer

from collm.cli.arguments import Overrides, Recipe


def estimate(
    recipe: Recipe,
    overrides: Overrides = None,
    gpu: Annotated[float, typer.Option(help="Memory of each device in GiB.", min=0.1)] = 80.0,
    card: Annotated[
        str | None, typer.Option(help="Estimate the time too, by a data sheet: H200, H100, A100, ...")
    ] = None,
    measure: Annotated[
        bool,
        typer.Option("--measure", help="Estimate the time too, by what this machine does in some seconds."),
    ] = False,
    cluster: Annotated[
        str | None,
        typer.Option(help="Estimate a run on Ray: MACHINESxCARDSxCARD, such as 8x8xH200."),
    ] = None,
    prompt: Annotated[
        int | None,
        typer.Option(help="For the time: tokens read at a turn, else full contexts.", min=1),
    ] = None,
    reply: Annotated[
        int | None, typer.Option(help="For the time: tokens of a reply, else as many as are allowed.", min=1)
    ] = None,
) -> None:
    """Say whether a recipe fits devices of some size, which settings make it fit, and how long it takes."""
    from collm.base.quiet import quiet_libraries, spare_absent_hub

    quiet_libraries()  # before they are imported
    spare_absent_hub()
    from rich.console import Console

    from collm.config.naming import named_after
    from collm.config.recipes import load_recipe
    from collm.report.dry_run import print_memory, print_time
    from collm.report.rates import card_rates
    from collm.report.timing import of_lengths

    config, console = load_recipe(recipe, overrides or []), Console()
    one = next(iter(config.agents.values()))
    with named_after(recipe):
        rates = [] if card is None else [card_rates(card, one.dtype)]
        if measure:
            from collm.models.loading import pick_device
            from collm.report.measuring import measured_rates

            rates.append(measured_rates(pick_device(one.device, "agents.*"), one.dtype))
        print_memory(config, console, gpu)
        for each in rates:
            print_time(of_lengths(config, prompt, reply), console, each)
        if cluster is not None:
            from collm.report.dry_run import print_cluster

            print_cluster(of_lengths(config, prompt, reply), console, cluster)
