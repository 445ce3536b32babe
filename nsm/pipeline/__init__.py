"""The only wiring: from a configuration to data, a trained model, an evaluation.

Example::

    config = nsm.Config(epochs=5)
    result = nsm.train(config)
    print(nsm.evaluate(result.run).accuracy)
"""

from nsm.pipeline.datasets import audit, load_graphs, show
from nsm.pipeline.evaluation import EvaluationResult, evaluate, load_model
from nsm.pipeline.training import build_trainer, train

__all__ = [
    "EvaluationResult",
    "audit",
    "build_trainer",
    "evaluate",
    "load_graphs",
    "load_model",
    "show",
    "train",
]
