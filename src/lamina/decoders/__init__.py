"""Networks that write tokens, one a file: from what was read, or from nothing, to a text."""

from lamina.names import Names

__all__ = ["DECODERS"]

DECODERS = Names(
    "decoder",
    {
        "transformer": "lamina.decoders.transformer:TransformerDecoder",
        "rnn": "lamina.decoders.recurrent:RNNDecoder",
        "lstm": "lamina.decoders.recurrent:LSTMDecoder",
        "gru": "lamina.decoders.recurrent:GRUDecoder",
        "gpt": "lamina.decoders.gpt:GPT",
        "gpt2": "lamina.decoders.gpt:GPT2",
        "transformer_xl": "lamina.decoders.transformer_xl:TransformerXL",
    },
    group="lamina.decoders",
)
