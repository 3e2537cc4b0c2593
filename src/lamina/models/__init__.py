"""Architectures, one a file: from a row's inputs to raw outputs."""

from lamina.names import Names

__all__ = ["MODELS"]

MODELS = Names(
    "model",
    {
        "tabm": "lamina.models.tabm:TabM",
        "mlp": "lamina.models.mlp:MLP",
        "resnet": "lamina.models.resnet:ResNet",
        "modern_nca": "lamina.models.modern_nca:ModernNCA",
        "ft_transformer": "lamina.models.ft_transformer:FTTransformer",
        "mixed": "lamina.models.mixed:Mixed",
        "linear": "lamina.models.linear:Linear",
        "encoder_decoder": "lamina.models.encoder_decoder:EncoderDecoder",
        "language": "lamina.models.language:Language",
        "tagger": "lamina.models.tagger:Tagger",
        "transcriber": "lamina.models.transcriber:Transcriber",
        "reader": "lamina.models.reader:Reader",
        "extractor": "lamina.models.extractor:Extractor",
        "composer": "lamina.models.composer:Composer",
        "talker": "lamina.models.talker:Talker",
    },
    group="lamina.models",
)
