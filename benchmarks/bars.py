"""What is to be reached, in one place: the bars of the project, as the report lists them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

__all__ = ["BARS", "GROUPS", "Bar", "find", "judge"]


@dataclasses.dataclass(frozen=True)
class Bar:
    """One figure to reach.

    Attributes:
        what: the benchmark that measures it, as in a row's ``what``.
        metric: the name of the figure among the row's metrics.
        label: what a reader is told.
        bar: the figure; None where the row brings its own, measured in the same run.
        stretch: the figure to be proud of, where there is one.
        higher: whether more is better.
        command: what measures it.
        strict: whether the bar must be passed, not only reached.
        strict_stretch: the same of the stretch.
        shown: other figures of the row that a reader sees beside it.
    """

    what: str
    metric: str
    label: str
    bar: float | None
    stretch: float | None
    higher: bool
    command: str
    strict: bool = False
    strict_stretch: bool = False
    shown: tuple[str, ...] = ()

    def met(self, value: float, limit: float | None) -> bool | None:
        """Whether a value reaches the bar, unrounded; None where there is none."""
        return None if limit is None else self._reaches(value, limit, self.strict)

    def passed(self, value: float) -> bool | None:
        """Whether a value reaches the stretch; None where there is none."""
        return None if self.stretch is None else self._reaches(value, self.stretch, self.strict_stretch)

    def _reaches(self, value: float, limit: float, strict: bool) -> bool:
        return (value >= limit if self.higher else value <= limit) and not (strict and value == limit)


_ACCURACY = "python benchmarks/accuracy.py"
_PEERS = "python benchmarks/peers/run.py"
_PERCEPTION = "python benchmarks/perception.py"
_BESIDE = "python benchmarks/beside.py"
_PRETRAIN = "python benchmarks/pretrain.py"
_PLAIN_EPOCH = "python benchmarks/perception_epoch.py"
_RECURRENT = "python benchmarks/recurrent.py"
_LANGUAGE = "python benchmarks/language.py"
_SERVE = "python benchmarks/serve.py"

_PARTS = ("picture", "text", "number", "category")


def _gain(what: str, metric: str, label: str, command: str, *shown: str, bar: float | None = 0) -> Bar:
    """A difference of two ways that were measured in one run: any at all will do, and the interval tells the rest."""
    return Bar(what, metric, label, bar, None, True, command, strict=True, shown=shown)


GROUPS = {
    "Tables": (
        Bar("adult", "accuracy", "adult, accuracy", 0.870, 0.8741, True, f"{_ACCURACY} adult"),
        Bar("adult", "roc_auc", "adult, ROC-AUC", 0.9255, 0.9287, True, f"{_ACCURACY} adult"),
        Bar("california_housing", "rmse", "california_housing, RMSE", 45_438, 43_700, False,
            f"{_ACCURACY} california_housing"),
        Bar("bike_sharing", "rmse", "bike_sharing, RMSE", 39.19, 36, False, f"{_ACCURACY} bike_sharing"),
        Bar("concrete", "rmse", "concrete, RMSE", 4.3, 3.94, False, f"{_ACCURACY} concrete"),
        Bar("diabetes130", "roc_auc", "diabetes130, ROC-AUC; the bar is LightGBM's in the same run", None, 0.68, True,
            f"{_ACCURACY} diabetes130"),
    ),
    "Pictures, texts and sounds": (
        Bar("fashion_mnist", "accuracy", "fashion_mnist in 15 minutes, accuracy", 0.930, 0.937, True,
            f"{_PERCEPTION} fashion_mnist"),
        Bar("fashion_mnist_40", "accuracy", "fashion_mnist in 40 minutes, accuracy", 0.942, 0.950, True,
            f"{_PERCEPTION} fashion_mnist_40"),
        Bar("cifar10", "accuracy", "cifar10, 10,000 training pictures, 20 minutes, accuracy", 0.76, 0.82, True,
            f"{_PERCEPTION} cifar10"),
        Bar("cifar10_weights", "accuracy", "cifar10, 5 minutes, a new head on a frozen ResNet-20, accuracy", 0.82, 0.86,
            True, f"{_PERCEPTION} cifar10_weights"),
        _gain("pneumonia", "auc_gain", "pneumoniamnist, AUC above that of a plain ResNet-18 of the same time",
            f"{_BESIDE} pneumonia", "auc", "other_auc"),
        _gain("pneumonia", "accuracy_gain", "the same, accuracy", f"{_BESIDE} pneumonia", "accuracy", "other_accuracy"),
        Bar("orl_faces", "accuracy", "orl_faces, rank 1", 0.97, 0.99, True, f"{_PERCEPTION} orl_faces"),
        _gain("tiles_defect", "auc_gain", "magnetic_tile, defect or not, AUC: weights_squeezenet above scratch",
            f"{_BESIDE} tiles_defect", "auc", "other_auc"),
        _gain("tiles_which", "macro_f1_gain", "magnetic_tile, which defect, macro-F1: the same",
            f"{_BESIDE} tiles_which", "macro_f1", "other_macro_f1"),
        Bar("sst2", "accuracy", "sst, two classes, accuracy", 0.825, 0.84, True, f"{_PERCEPTION} sst2"),
        Bar("sst5", "accuracy", "sst, five classes, accuracy", 0.42, 0.44, True, f"{_PERCEPTION} sst5"),
        Bar("trec", "accuracy", "trec, accuracy", 0.92, 0.94, True, f"{_PERCEPTION} trec"),
        Bar("trec_reading", "accuracy", "trec, after 12 minutes of reading texts without labels, accuracy", 0.92, 0.94,
            True, "python benchmarks/reading.py"),
        Bar("ag_news_small", "accuracy", "ag_news_small, accuracy", 0.885, 0.90, True, f"{_PERCEPTION} ag_news_small"),
        Bar("clinc150", "accuracy", "clinc150, accuracy in scope", 0.92, 0.94, True, f"{_PERCEPTION} clinc150"),
        Bar("fsdd", "accuracy", "fsdd, official split, accuracy", 0.985, 0.995, True, f"{_PERCEPTION} fsdd"),
        _gain("mixed", "gain", "picture, text, number and category: accuracy above that of the best part alone",
            "python benchmarks/mixed.py", "all_accuracy", *(f"{part}_accuracy" for part in _PARTS)),
        *(
            _gain(f"pretrain_{name}", f"gain_{labels}", f"{name}, {labels} labels a class: accuracy, pre-trained above "
                "from scratch", f"{_PRETRAIN} {name}", f"pretrained_{labels}", f"scratch_{labels}",
                bar=0 if labels < 100 else None)
            for name in ("fashion_mnist", "ag_news_small")
            for labels in (10, 50, 100)
        ),
        Bar("recurrent", "held",
            "copy after 100 steps: powers of ten by which the gradient of LSTM and GRU, the lesser, is above the RNN's",
            1, None, True, _RECURRENT, shown=("rnn_reach_after", "lstm_reach_after", "gru_reach_after")),
        _gain("recurrent", "remembered", "the same: their accuracy, the lesser, above the RNN's", _RECURRENT,
            "rnn_accuracy", "lstm_accuracy", "gru_accuracy"),
    ),
    "Texts that are written": (
        Bar("translation_german_transformer", "bleu", "multi30k, English to German, test 2016, 60 minutes, BLEU", 30,
            36, True, "python benchmarks/translation.py transformer", shown=("chrf", "epoch_seconds")),
        Bar("translation_german_lstm", "bleu", "the same by an LSTM with attention", 30, 36,
            True, "python benchmarks/translation.py", shown=("chrf", "epoch_seconds")),
        Bar("translation_epoch", "epoch_to_lstm", "the same: epoch of the Transformer, to an LSTM's of equal size", 1.0,
            None, False, "python benchmarks/translation.py --epoch", shown=("transformer_seconds", "lstm_seconds")),
        Bar("transcripts", "wer", "fsdd joined into strings of 3 to 7 digits, 15 minutes, word error rate", 0.05, 0.02,
            False, "python benchmarks/transcripts.py", shown=("cer", "identical")),
        Bar("captions", "exact", "two things on a painting, new combinations, 10 minutes, captions that are right",
            0.9, None, True, "python benchmarks/captions.py", shown=("constant_exact", "nearest_exact")),
        Bar("tags", "span_f1", "dialogue_sim_m, slots of its own test, 5 minutes, F1 of spans", 0.95, None, True,
            "python benchmarks/tags.py", shown=("span_precision", "span_recall", "exact")),
        Bar("questions", "gain_low", "qa_squad, judged by xquad, 10 minutes, F1 above that of a TF-IDF window: lower "
            "end of the interval", 0, None, True, "python benchmarks/questions.py", strict=True,
            shown=("gain", "network_f1", "network_exact", "window_f1", "constant_f1")),
        Bar("summaries", "gain_low", "scitldr, a sentence of the abstract, 5 minutes, ROUGE-1 above the first sentence "
            "and TextRank: lower end of the interval", 0, None, True, "python benchmarks/summaries.py", strict=True,
            shown=("gain", "network_rouge_1", "lead_rouge_1", "textrank_rouge_1", "best_rouge_1")),
    ),
    "Texts that are continued": (
        Bar("shakespeare_3min", "nats", "tiny_shakespeare, the last tenth, 3 minutes, nats a character", 1.68, 1.58,
            False, _LANGUAGE, shown=("plain_nats", "ngram_nats")),
        Bar("shakespeare_30min", "nats", "the same, 30 minutes", 1.52, 1.4697, False, _LANGUAGE,
            shown=("plain_nats", "ngram_nats")),
        _gain("transformer_xl", "gain", "Transformer-XL, nats a character less with its memory than without",
              f"{_LANGUAGE} --remember", "with_memory_nats", "without_nats", "gpt_nats"),
        _gain("transformer_xl", "gain_to_gpt", "the same, to a GPT of equal size and segment",
              f"{_LANGUAGE} --remember"),
        Bar("gpt_training", "speed", "training step of a GPT of 10 million weights: the plain script's time, to ours",
            1.5, 2.5, True, f"{_LANGUAGE} --speed", shown=("step_seconds", "loss", "plain_loss")),
        Bar("text_memory", "growth", "most memory in training on 500 MB of text, to that on 50 MB", 1.1, None, False,
            f"{_LANGUAGE} --memory", shown=("peak_mb_50", "peak_mb_500")),
    ),
    "Speed of writing": (
        Bar("generation", "speed", "512 tokens from a GPT of 10 million weights, one text: transformers' time, to ours",
            2.0, 3.0, True, "python benchmarks/generation.py",
            shown=("tokens_per_second", "library_tokens_per_second")),
    ),
    "Music that is composed": (
        Bar("music", "apart_nats", "jsb_chorales, quarter steps, 88 independent notes, nats a step", 8.3, 8.1, False,
            "python benchmarks/music.py", shown=("repeat_nats", "constant_nats")),
        Bar("music", "together_nats", "the same, each note told by those above it", 8.3, 8.1, False,
            "python benchmarks/music.py"),
    ),
    "Speed and size": (
        Bar("epoch", "to_fused", "epoch of a small network, to a hand-written loop with fused AdamW", 1.05, 1.0, False,
            "python benchmarks/epoch.py", strict_stretch=True),
        Bar("peers", "to_skorch", "the same epoch, to skorch", 0.55, None, False, _PEERS),
        Bar("peers", "to_lightning", "the same epoch, to Lightning", 0.45, None, False, _PEERS),
        Bar("peers", "to_fastai", "the same epoch, to fastai", 0.45, None, False, _PEERS),
        Bar("peers", "to_keras_torch", "the same epoch, to Keras on torch", 0.45, None, False, _PEERS),
        Bar("peers", "to_keras_jax", "the same epoch, to Keras on JAX (a stretch, no bar)", None, 1.0, False, _PEERS),
        Bar("pictures_epoch", "float32", "epoch of a ResNet-20 over fashion_mnist, to plain PyTorch with two workers",
            0.8, None, False, f"{_PLAIN_EPOCH} pictures"),
        Bar("pictures_epoch", "bfloat16", "the same in bfloat16, to plain PyTorch in float32", None, 0.4, False,
            f"{_PLAIN_EPOCH} pictures"),
        Bar("texts_epoch", "float32", "epoch of a Transformer over sst, to plain PyTorch with two workers", 0.8, None,
            False, f"{_PLAIN_EPOCH} texts"),
        Bar("texts_epoch", "bfloat16", "the same in bfloat16, to plain PyTorch in float32", None, 0.4, False,
            f"{_PLAIN_EPOCH} texts"),
        Bar("recurrent_epoch", "transformer_to_lstm", "epoch of a Transformer, to an LSTM of equal size and length",
            1.0, None, False, _RECURRENT),
        Bar("decode", "to_pillow",
            "20,000 JPEG files into the store, to plain Pillow by threads or processes, the faster", 0.9, 1.0, True,
            "python benchmarks/decode.py"),
        Bar("scale", "peak_gib", "20 million rows x 20 columns, most resident memory, GiB", 2.0, None, False,
            "python benchmarks/scale.py"),
        Bar("scale", "growth", "seconds a row, 20 to 2 and 2 to 0.2 million rows, the worse ratio", 1.1, None, False,
            "python benchmarks/scale.py"),
    ),
    "A model that is served": (
        Bar("serve", "to_fastapi", "answers a second, an adult row each, 16 clients, to FastAPI with onnxruntime",
            1.2, 1.5, True, _SERVE, shown=("lamina_per_second", "fastapi_per_second", "fastapi_nothing_per_second")),
        Bar("serve", "p99_to_fastapi", "the same: milliseconds of 99 in 100, to FastAPI's", 1.0, None, False, _SERVE,
            shown=("lamina_p99_ms", "fastapi_p99_ms")),
        Bar("serve", "to_litserve", "answers a second, to LitServe", 5.0, None, True, _SERVE,
            shown=("litserve_per_second",)),
        Bar("serve", "two_to_one", "answers a second of two processes, to one", None, 1.8, True, _SERVE),
    ),
    "Start": (
        Bar("start", "help_seconds", "lamina --help, seconds", 0.3, 0.15, False, "python benchmarks/start.py"),
        Bar("start", "import_seconds", "import lamina, seconds", 0.3, 0.15, False, "python benchmarks/start.py"),
        Bar("start", "torch_imported", "import lamina imports torch (0: it does not)", 0, None, False,
            "python benchmarks/start.py"),
        Bar("start", "dependencies", "direct dependencies beside torch", 10, 8, False, "python benchmarks/start.py"),
    ),
}  # fmt: skip

BARS = tuple(bar for bars in GROUPS.values() for bar in bars)


def find(what: str) -> list[Bar]:
    """The bars that a benchmark is measured by."""
    return [bar for bar in BARS if bar.what == what]


def judge(what: str, metrics: Mapping[str, float], measured_bars: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Compare figures with their bars.

    Args:
        what: the benchmark.
        metrics: figure by name.
        measured_bars: bars that were measured in the same run, by the metric's name.

    Returns:
        metric -> value, bar, stretch, met and stretch_met (None where there is no such limit); and low and high where
        the figures tell an interval.

    Example:
        >>> judge("concrete", {"rmse": 4.2}, {})["rmse"]
        {'value': 4.2, 'bar': 4.3, 'stretch': 3.94, 'met': True, 'stretch_met': False}
    """
    judged = {}
    for bar in find(what):
        if bar.metric not in metrics:
            continue
        value, limit = metrics[bar.metric], measured_bars.get(bar.metric, bar.bar)
        interval = {end: metrics[name] for end in ("low", "high") if (name := f"{bar.metric}_{end}") in metrics}
        judged[bar.metric] = {
            "value": value,
            **interval,
            "bar": limit,
            "stretch": bar.stretch,
            "met": bar.met(value, limit),
            "stretch_met": bar.passed(value),
        }
    return judged
