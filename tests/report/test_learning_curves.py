from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg

from collm.report.learning_curves import drawn
from tests.report.sweeps import write_run


def test_no_legend_of_many_methods_covers_a_panel_or_is_cut_off(tmp_path: Path) -> None:
    runs = {f"method {n}": [write_run(tmp_path / str(n), gain=n)] for n in range(17)}
    figure = drawn({"writing": runs, "coding": runs}, "train")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    legends = [one for axes in figure.axes if (one := axes.get_legend()) is not None]
    assert len(legends) == 2, "one for each domain"
    for legend in legends:
        box = legend.get_window_extent()
        assert not any(box.overlaps(axes.bbox) for axes in figure.axes)
        assert figure.bbox.containsx(box.x0)
        assert figure.bbox.containsx(box.x1)
        assert figure.bbox.containsy(box.y0)


def test_every_panel_of_few_methods_has_its_legend(tmp_path: Path) -> None:
    figure = drawn({"writing": {"one": [write_run(tmp_path / "one")]}}, "test")
    assert all(axes.get_legend() is not None for axes in figure.axes)
