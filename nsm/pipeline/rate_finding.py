"""From a configuration to a learning rate that suits it, without a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from nsm.analysis.plots import png_bytes
from nsm.analysis.rate_plot import rate_figure
from nsm.models import build_model
from nsm.models.build import tell_training_graphs
from nsm.models.imported import require_importable
from nsm.pipeline.datasets import load_graphs
from nsm.runs import replacing, resolve_root
from nsm.training.device import arithmetic, require_device
from nsm.training.progress import PartsBar
from nsm.training.rate_finder import RateTest, range_test
from nsm.training.seeds import seed_everything

if TYPE_CHECKING:
    from nsm.config import Config

__all__ = ["RateResult", "find_learning_rate"]

LOW, HIGH, STEPS = 1e-6, 1.0, 100


@dataclass(frozen=True)
class RateResult:
    """What a range test found, and its picture.

    Attributes:
        test: Rates, losses and the suggestion.
        configured: The rate that the configuration has.
        figure: PNG file.
    """

    test: RateTest
    configured: float
    figure: Path

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {**vars(self.test), "configured": self.configured, "figure": str(self.figure)}

    def to_text(self) -> str:
        """What a person wants to know."""
        test = self.test
        lines = [f"suggested learning rate  {test.suggestion:.2g}"] if test.suggestion is not None else []
        if not lines:
            lines = ["no suggestion: the loss hardly fell in so few steps, as on tasks that take epochs to begin"]
        lines.append(f"configured               {self.configured:.2g}")
        limit = "nowhere" if test.limit is None else f"{test.limit:.2g}: stay ten times below, or more"
        return "\n".join([*lines, f"the loss explodes at     {limit}", f"picture                  {self.figure}"])


def find_learning_rate(config: Config, *, file: Path | None = None, quiet: bool = False) -> RateResult:
    """Trains a fresh model for 100 steps while the rate rises from 1e-6 to 1; no run is made or changed.

    Args:
        config: What would be trained.
        file: Where the picture goes; ``<root>/<domain>/learning_rate.png`` by default.
        quiet: Whether to show no progress.

    Raises:
        DataError: If the user's files are malformed.
        RunError: If the test is stopped, or nothing can be written.
    """
    require_device(config)
    require_importable(config)
    with arithmetic(config):
        train = load_graphs(config, quiet=quiet).subset("train")
        seed_everything(config.seed)
        model = build_model(config, train.schema)
        tell_training_graphs(model, train)
        with PartsBar("range test", Console(stderr=True, quiet=quiet)) as bar:
            test = range_test(config, model, train, low=LOW, high=HIGH, steps=STEPS, advance=bar)
    figure = rate_figure(
        test.rates,
        test.losses,
        test.smoothed,
        suggestion=test.suggestion,
        limit=test.limit,
        configured=config.learning_rate,
    )
    path = file or resolve_root(config.root) / config.domain / "learning_rate.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(png_bytes(figure))
    return RateResult(test, config.learning_rate, path)
