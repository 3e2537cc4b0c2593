"""Scores with company: metrics, intervals, baselines. No torch here.

The ways in are :func:`lamina.evaluation.baselines.baselines`, which needs scikit-learn, and
:func:`lamina.evaluation.scores.scores`, which does not.
"""

from lamina.evaluation.answer import KINDS, Baseline
from lamina.evaluation.matrix import Matrix
from lamina.evaluation.metrics import METRICS, Metric
from lamina.features.answer import Answer

__all__ = ["KINDS", "METRICS", "Answer", "Baseline", "Matrix", "Metric"]
