"""Scores of texts that were written: beside references, beside the training text, and by themselves. No torch here.

A score is a :class:`~lamina.evaluation.text.base.Score`, and :func:`~lamina.evaluation.text.base.measure` binds some to
texts for :func:`lamina.evaluation.intervals.bootstrap`. What needs other things than references stands on its own:
:mod:`~lamina.evaluation.text.perplexity`, :func:`~lamina.evaluation.text.diversity.distinct` and
:func:`~lamina.evaluation.text.copies.copies`.
"""

from lamina.evaluation.text.answers import EXACT_MATCH, HAS_ANSWER_F1, IDENTICAL, NO_ANSWER, TOKEN_F1
from lamina.evaluation.text.base import Score, measure
from lamina.evaluation.text.bleu import BLEU, BLEU_LOWER
from lamina.evaluation.text.chrf import CHRF, CHRF_WORDS
from lamina.evaluation.text.diversity import REPETITION
from lamina.evaluation.text.edits import CER, WER
from lamina.evaluation.text.rouge import ROUGE_1, ROUGE_2, ROUGE_L, ROUGE_LSUM

__all__ = ["SCORES", "Score", "measure"]

# By what was written; the first of a kind is its headline.
SCORES: dict[str, tuple[Score, ...]] = {
    "text": (BLEU, CHRF, CHRF_WORDS, BLEU_LOWER, ROUGE_1, ROUGE_2, ROUGE_L, ROUGE_LSUM, IDENTICAL, REPETITION),
    "transcript": (WER, CER, IDENTICAL),
    "summary": (ROUGE_1, ROUGE_2, ROUGE_L),
    "answer": (TOKEN_F1, EXACT_MATCH, HAS_ANSWER_F1, NO_ANSWER),
}
