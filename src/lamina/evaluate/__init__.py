"""Scores with company: metrics, intervals, baselines, thresholds. No torch here.

The ways in are :func:`lamina.evaluate.baselines.baselines`, which needs scikit-learn, and
:func:`lamina.evaluate.scores.scores`, which does not.
"""

from lamina.evaluate.answer import KINDS, Baseline
from lamina.evaluate.matrix import Matrix
from lamina.evaluate.metrics import METRICS, Metric
from lamina.evaluate.threshold import Threshold, choose, decide
from lamina.features.answer import Answer

__all__ = ["KINDS", "METRICS", "Answer", "Baseline", "Matrix", "Metric", "Threshold", "choose", "decide"]
