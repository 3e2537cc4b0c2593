"""Cells of one row or a few as arrays, and outputs as answers, by plain Python and numpy: no torch, polars or pydantic.

What a fitted feature knows of its column goes into its codec, which is JSON values. The two encode alike: a feature
whole columns, a codec the cells of a request.
"""

from __future__ import annotations

from lamina.names import Names

__all__ = ["ANSWERS", "CODECS"]

CODECS = Names(
    "codec",
    {
        "number": "lamina.codecs.number:NumberCodec",
        "category": "lamina.codecs.category:CategoryCodec",
        "boolean": "lamina.codecs.boolean:BooleanCodec",
        "date": "lamina.codecs.date:DateCodec",
        "labels": "lamina.codecs.labels:LabelsCodec",
        "text": "lamina.codecs.text:TextCodec",
        "image": "lamina.codecs.image:ImageCodec",
        "clip": "lamina.codecs.clip:ClipCodec",
        "audio": "lamina.codecs.audio:AudioCodec",
        "music": "lamina.codecs.music:MusicCodec",
        "series": "lamina.codecs.series:SeriesCodec",
    },
    group="lamina.codecs",
)

ANSWERS = Names(
    "answer",
    {
        "binary": "lamina.codecs.answers:BinaryAnswer",
        "multiclass": "lamina.codecs.answers:MulticlassAnswer",
        "multilabel": "lamina.codecs.answers:MultilabelAnswer",
        "regression": "lamina.codecs.answers:RegressionAnswer",
    },
    group="lamina.answers",
)
