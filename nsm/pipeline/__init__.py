"""The only wiring: from a configuration to data, a trained model, an evaluation.

Example::

    config = nsm.Config(epochs=5)
    result = nsm.train(config)
    print(nsm.evaluate(result.run).accuracy)
"""

from nsm.pipeline.cards import CardResult, write_data_card
from nsm.pipeline.comparison import compare, write_comparison
from nsm.pipeline.datasets import audit, load_graphs, show
from nsm.pipeline.domains import Task
from nsm.pipeline.evaluation import EvaluationResult, evaluate, load_run_data
from nsm.pipeline.export import ExportResult, export
from nsm.pipeline.importing import ImportResult, import_tables
from nsm.pipeline.loading import load_model, open_model
from nsm.pipeline.rate_finding import RateResult, find_learning_rate
from nsm.pipeline.training import build_trainer, finish, rebuild_trainer, resume, train

__all__ = [
    "CardResult",
    "EvaluationResult",
    "ExportResult",
    "ImportResult",
    "RateResult",
    "Task",
    "audit",
    "build_trainer",
    "compare",
    "evaluate",
    "export",
    "find_learning_rate",
    "finish",
    "import_tables",
    "load_graphs",
    "load_model",
    "load_run_data",
    "open_model",
    "rebuild_trainer",
    "resume",
    "show",
    "train",
    "write_comparison",
    "write_data_card",
]
