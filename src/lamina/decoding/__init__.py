"""How texts are drawn from a network that says what follows: greedily, by beams or by chance, kept in a language."""

from lamina.decoding.constraint import Constraint, Grammar, of_pattern, of_schema
from lamina.decoding.lexicon import Lexicon
from lamina.decoding.settings import DecodingSettings
from lamina.decoding.writer import Writer
from lamina.decoding.written import Written

__all__ = [
    "Constraint",
    "DecodingSettings",
    "Grammar",
    "Lexicon",
    "Writer",
    "Written",
    "of_pattern",
    "of_schema",
]
