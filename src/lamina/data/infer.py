"""Finding out what each column is, with the evidence, and letting people overrule it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from lamina.config import as_dict, check
from lamina.data.table import Table
from lamina.errors import DataError, MissingColumnError, SettingError, UsageError, nearest, some
from lamina.features import FEATURES
from lamina.features.base import Claim, Feature, Profile, blank_to_null
from lamina.features.sentence import Sentence
from lamina.features.span import Span
from lamina.features.tags import Tags
from lamina.features.text import Text
from lamina.features.words import holds_words

__all__ = ["Column", "Override", "Schema", "infer"]

Override = str | Mapping[str, Any] | Feature | type[Feature]

CELLS = 4_000_000  # cells looked at, shared out over the columns ...
LEAST, MOST = 1_000, 100_000  # ... but within these bounds a column
EXAMPLES = 5


@dataclasses.dataclass(frozen=True)
class Column:
    """What a column was found to be.

    Attributes:
        feature: its type, not fitted yet, with the settings that fit its cells.
        evidence: why, in a few words.
        missing: share of cells that are missing, in the sample.
        distinct: how many different values the sample has.
        examples: the first few different values, as text.
        overruled: whether a person said what it is.
    """

    feature: Feature
    evidence: str
    missing: float
    distinct: int
    examples: tuple[str, ...]
    overruled: bool = False

    def to_json(self) -> dict[str, Any]:
        """The verdict as JSON values."""
        return {
            "feature": self.feature.kind,
            "settings": as_dict(self.feature.settings),
            "is_target": self.feature.is_target,
            "evidence": self.evidence,
            "missing": self.missing,
            "distinct": self.distinct,
            "examples": list(self.examples),
            "overruled": self.overruled,
        }


class Schema(Mapping[str, Column]):
    """The columns of a table and what each was found to be, in the table's order.

    Args:
        columns: name -> verdict.
        rows: how many rows the verdicts rest on.
    """

    def __init__(self, columns: Mapping[str, Column], rows: int) -> None:
        self._columns = dict(columns)
        self.rows = rows

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        return f"Schema({some((f'{name}: {column.feature.kind}' for name, column in self.items()), 20)})"

    def to_json(self) -> dict[str, Any]:
        """All verdicts as JSON values."""
        return {
            "rows looked at": self.rows,
            "columns": {name: column.to_json() for name, column in self.items()},
        }


def infer(
    table: Table,
    *,
    targets: Sequence[str] = (),
    overrides: Mapping[str, Override] | None = None,
    exclude: Iterable[str] = (),
    seed: int = 0,
) -> Schema:
    """Find out the feature of each column from a sample of its cells.

    Every feature may claim a column, and the strongest claim wins; of equal ones the first in the name table. A column
    that is constant in the sample is looked at in all rows.

    Args:
        table: the rows.
        targets: columns to predict.
        overrides: column -> what it is: a feature's name, a group of its settings (with ``kind`` if that is to change
            too), a feature's class, or a feature.
        exclude: columns to leave out.
        seed: moves the places that the sample is taken from.

    Raises:
        MissingColumnError: if a column that is named is not there; it gives the nearest name.
        DataError: if a target is missing in every row or is constant.
        SettingError: if a kind or a setting is unknown; it gives the nearest name.

    Example:
        >>> from lamina.data.read import read
        >>> infer(read({"age": [31, 48, 52], "sex": ["f", "m", "f"]}))["sex"].feature
        Category('sex')
    """
    overrides, exclude = dict(overrides or {}), set(exclude)
    _check_names(table, targets, overrides, exclude)
    names = [name for name in table.names if name not in exclude]
    sample = table.sample(min(MOST, max(LEAST, CELLS // len(table.names))), seed).select(names)
    profiles = {name: _profile(sample[name], name in targets) for name in names}
    for name, more in _hidden_values(table, profiles).items():
        profiles[name] = _profile(pl.concat([sample[name], more]), name in targets)
    for name in targets:
        profiles[name] = _beside(profiles[name], profiles, targets)
    columns = {name: _column(profile, overrides.get(name)) for name, profile in profiles.items()}
    for name in targets:
        _check_target(columns[name])
        feature = columns[name].feature
        if isinstance(feature, Tags):
            _read_by_word(columns, profiles, feature)
        if isinstance(feature, (Span, Sentence)):
            _read_whole(columns, profiles, feature)
    return Schema(columns, len(sample))


def _check_names(table: Table, targets: Sequence[str], overrides: Mapping[str, Override], exclude: set[str]) -> None:
    for role, given in (("target", targets), ("feature", overrides), ("excluded column", sorted(exclude))):
        for name in given:
            if name not in table.dtypes:
                raise MissingColumnError(
                    f"{role} {name!r} is not a column of the table",
                    got=table.source,
                    allowed=some(table.names, 20),
                    do=nearest(name, table.names),
                )
    both = exclude & set(targets)
    if both:
        raise UsageError("a target cannot be left out", got=some(sorted(both)), do="leave it among the columns")


def _profile(cells: pl.Series, is_target: bool) -> Profile:
    values = blank_to_null(cells)
    if cells.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.Categorical)  # that it came as such is evidence
    present = values.drop_nulls()
    distinct = present.n_unique() if not values.dtype.is_nested() else len(present)
    return Profile(cells.name, values, len(values), distinct, is_target)


def _hidden_values(table: Table, profiles: Mapping[str, Profile]) -> dict[str, pl.Series]:
    """Other values of columns that are constant, or missing, in the sample but not in all rows."""
    flat = {
        name: blank_to_null(profile.values).drop_nulls().unique().implode()
        for name, profile in profiles.items()
        if profile.distinct < 2 and not profile.values.dtype.is_nested()
    }
    looked_at = max((profile.rows for profile in profiles.values()), default=0)
    if not flat or table.known_rows == looked_at:
        return {}
    found: dict[str, pl.Series] = {}
    for chunk in table.chunks(list(flat)):
        for name in set(flat) - set(found):
            cells = blank_to_null(chunk[name])
            other = (cells.is_not_null() & ~cells.is_in(flat[name])) | (cells.is_null() & (profiles[name].present > 0))
            if other.any():
                found[name] = chunk[name].filter(other).unique(maintain_order=True).head(1000)
        if len(found) == len(flat):
            break
    return found


def _column(profile: Profile, override: Override | None) -> Column:
    claim, cls = _strongest(profile)
    evidence = claim.evidence
    if override is None:
        feature = cls(profile.name, check(cls.Settings, claim.settings), is_target=profile.is_target)
    else:
        feature = _overruled(profile, override, cls)
        evidence = f"as told; by its cells a {cls.kind}: {evidence}"
    present = profile.values.drop_nulls()
    return Column(
        feature,
        evidence,
        profile.values.null_count() / max(1, profile.rows),
        profile.distinct,
        tuple(_show(value) for value in _first_different(present)),
        override is not None,
    )


def _strongest(profile: Profile) -> tuple[Claim, type[Feature]]:
    """The strongest claim to a column, and whose it is."""
    claims = [(claim, cls) for cls in FEATURES.values() if (claim := cls.recognise(profile)) is not None]
    if not claims:
        evidence = f"{profile.values.dtype} values, which no feature reads: kept for people, not an input"
        return Claim(0.0, evidence), FEATURES["identifier"]
    return max(claims, key=lambda item: item[0].strength)


def _beside(target: Profile, profiles: Mapping[str, Profile], targets: Sequence[str]) -> Profile:
    """The target's profile, with the cells beside its own; not those of columns of which more were looked at."""
    count = len(target.values)
    cells = {name: one.values for name, one in profiles.items() if name not in targets and len(one.values) == count}
    return dataclasses.replace(target, beside=cells)


def _read_by_word(columns: dict[str, Column], profiles: Mapping[str, Profile], tags: Tags) -> None:
    """Make a text of the column whose words a target labels, whatever it looks like, that keeps its words apart."""
    able = [name for name, one in profiles.items() if not one.is_target and holds_words(one.values.dtype)]
    texts = [name for name in able if columns[name].feature.kind == "text"] or able
    of = tags.settings.of or (texts[0] if len(texts) == 1 else "")
    if of not in able:
        raise UsageError(
            f"which column's words does {tags.column!r} label?", got=repr(of) if of else f"{len(texts)} texts",
            allowed=some(able, 20), do=f"say --feature '{tags.column}={{kind: tags, of: NAME}}'",
        )  # fmt: skip
    found = columns[of].feature
    plain = found if isinstance(found, Text) else Text(of)
    text = Text(of, dataclasses.replace(plain.settings, by_word=True))
    columns[of] = dataclasses.replace(columns[of], feature=text, evidence=f"its words are labelled in {tags.column!r}")
    tags.settings = dataclasses.replace(tags.settings, of=of)


def _read_whole(columns: dict[str, Column], profiles: Mapping[str, Profile], placed: Span | Sentence) -> None:
    """Make a text of the column that a target is a part of: passages that stand in many rows look like categories, and
    lists of sentences like labels."""
    of = placed.settings.of
    if of in columns and holds_words(profiles[of].values.dtype) and not columns[of].overruled:
        found = columns[of].feature
        text = found if isinstance(found, Text) else Text(of)
        says = "a part" if isinstance(placed, Span) else "a summary"
        columns[of] = dataclasses.replace(columns[of], feature=text, evidence=f"{placed.column!r} is {says} of it")


def _overruled(profile: Profile, override: Override, found: type[Feature]) -> Feature:
    """The feature that a person asked for; settings that are not given are those that fit the cells."""
    name, is_target = profile.name, profile.is_target
    if isinstance(override, Feature):
        if override.column != name:
            raise UsageError(
                f"the feature for column {name!r} is made for another column",
                got=repr(override),
                do=f"make it with {type(override).__name__}({name!r})",
            )
        return type(override)(name, override.settings, is_target=is_target)
    given: dict[str, Any] = {}
    if isinstance(override, str):
        cls = FEATURES[override]
    elif isinstance(override, type) and issubclass(override, Feature):
        cls = override
    elif isinstance(override, Mapping):
        given = dict(override)
        kind = given.pop("kind", None)
        cls = found if kind is None else FEATURES[kind]
    else:
        raise SettingError(
            f"column {name!r} cannot be overruled so", got=repr(override), allowed="a name, settings, or a feature"
        )
    claim = cls.recognise(profile)
    fitting = dict(claim.settings) if claim is not None else {}
    return cls(name, check(cls.Settings, fitting | given, f"features.{name}"), is_target=is_target)


def _check_target(column: Column) -> None:
    name = column.feature.column
    if column.distinct == 0 and column.missing == 1:
        raise DataError(f"the target {name!r} is missing in every row", do="choose another target")
    if column.feature.kind == "constant":
        raise DataError(
            f"the target {name!r} is constant: there is only one class or value to predict",
            got=column.evidence,
            do="choose another target, or bring rows that differ",
        )


def _first_different(present: pl.Series) -> list[Any]:
    if present.dtype.is_nested():
        return present.head(EXAMPLES).to_list()
    return present.unique(maintain_order=True).head(EXAMPLES).to_list()


def _show(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"
