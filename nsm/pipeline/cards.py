"""From a configuration to the card of its data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nsm
from nsm.analysis.tables import Table
from nsm.config import Config
from nsm.pipeline.datasets import audit, load_graphs, read_audit
from nsm.pipeline.domains import open_task
from nsm.runs import ensure_writable, resolve_root

if TYPE_CHECKING:
    from nsm.analysis.card import DataCard

__all__ = ["CardResult", "write_data_card"]


@dataclass(frozen=True)
class CardResult:
    """A card that was written.

    Attributes:
        file: The page.
        facts: Source, licence, fingerprint and the like.
        description: Counts; see `nsm.analysis.description`.
        audit: What the audit found.
        page: What the page shows, its pictures and examples among it.
    """

    file: Path
    facts: dict[str, str]
    description: dict[str, Any]
    audit: dict[str, Any]
    page: DataCard

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {**self.facts, **self.description, "audit": self.audit, "card": str(self.file)}

    def to_text(self) -> str:
        """What matters most, as lines."""
        return "\n".join(f"{name:<10}{text}" for name, text in self.table().rows)

    def table(self) -> Table:
        """What matters most."""
        counts = ", ".join(f"{name} {count:,}" for name, count in self.description["splits"].items())
        rows = {
            "graphs": f"{self.description['graphs']:,} ({counts})",
            "source": self.facts["source"],
            "licence": self.facts["licence"],
            "audit": f"{self.audit['verdict']}; {'; '.join(self.audit['reasons'])}",
            "card": str(self.file),
        }
        return Table(("what", "found"), list(rows.items()), f"Data set {self.facts['data set']}")


def write_data_card(config: Config, *, file: Path | None = None, quiet: bool = False) -> CardResult:
    """Describes the configured data set on one page, and audits it first where that has not been done.

    Args:
        config: What data.
        file: The page; ``<root>/<domain>/cards/<data set>.html`` by default.
        quiet: Whether to show no progress.

    Raises:
        RunError: If the page cannot be written.
        DataError: If the user's files are malformed.
    """
    from nsm.analysis.card import DataCard, card_figures, typical_examples, write_card
    from nsm.analysis.description import describe

    graphs, task = load_graphs(config, quiet=quiet), open_task(config)
    file = file or resolve_root(config.root) / config.domain / "cards" / f"{graphs.folder.name}.html"
    ensure_writable(file.parent)
    description, found = describe(graphs), read_audit(graphs) or audit(config, quiet=quiet).to_json()
    facts = {
        "data set": graphs.folder.name,
        "source": task.origin,
        "licence": task.licence,
        "fingerprint": graphs.fingerprint,
        "made by": f"NSM {nsm.__version__}",
    }
    figures, special = card_figures(graphs, description, config.domain)
    title = config.domain if config.domain == graphs.schema.domain else f"{config.domain}: {graphs.schema.domain}"
    told = description.to_json()
    told["ceiling"] = told["ceiling"] if told["ceiling"] is not None else found["ceiling"]
    card = DataCard(
        title=title,
        domain=config.domain,
        facts=facts,
        description=told,
        audit=found,
        figures=figures,
        special=special,
        examples=typical_examples(graphs, description),
    )
    write_card(card, file)
    return CardResult(file, facts, told, found, card)
