"""A finished run, as a person holds it in Python."""

from __future__ import annotations

import dataclasses
import html
import itertools
from collections.abc import Generator, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

import numpy as np
import polars as pl

from lamina.chatting.chat import Chat
from lamina.data.located import locate
from lamina.data.read import read
from lamina.data.table import Table
from lamina.data.write import write, write_csv
from lamina.decoding.written import Written
from lamina.errors import DataError, LaminaError, NotARunError, UsageError, some
from lamina.evaluation.scores import scores
from lamina.explain.look import MOST, Look, look
from lamina.exporting.leave import leave
from lamina.exporting.leaving import Exported
from lamina.features.media import Broken, faulty
from lamina.features.piece import Piece as MusicPiece
from lamina.files import read_json
from lamina.pipeline.document import document
from lamina.pipeline.parts import Module, load_predictor
from lamina.pipeline.pretrain import is_pretraining
from lamina.pipeline.tables import as_trained
from lamina.plan import Plan
from lamina.runs.embedding import Embedder, Piece
from lamina.runs.manifest import verify
from lamina.runs.predictor import Predictor
from lamina.tasks.chat import ChatTask
from lamina.tasks.continue_ import Continue

__all__ = ["Run", "WhereBroken", "evaluate"]

WhereBroken = Literal["raise", "null"]  # what becomes of predictions whose files cannot be decoded


class Run:
    """What training left: a folder of data, and the predictor made from it.

    Args:
        path: the run folder.
        model: the module that it was trained with, where that was one of the user's own.

    Attributes:
        path: the folder.
        plan: every setting.
        report: path of the report, one HTML page.

    Raises:
        NotARunError: if the folder is no complete run.
        DamagedRunError: if a file is not as it was written.
        LaterVersionError: if it was written by a later version.
    """

    def __init__(self, path: str | Path, model: Module = None) -> None:
        self.path = Path(path)
        verify(self.path)
        if is_pretraining(self.path):
            raise NotARunError(
                f"{self.path} is pre-training, which has learned no target",
                do=f"lamina train DATA --target COLUMN --weights {self.path}",
            )
        self.plan = Plan.of(read_json(self.path / "plan.json"))
        self.report = self.path / "report.html"
        self._module = model

    @cached_property
    def predictor(self) -> Predictor:
        """Features, network and tasks; ``predictor.model`` is the ``torch.nn.Module``."""
        return load_predictor(self.path, self._module)

    @cached_property
    def results(self) -> dict[str, Any]:
        """Everything in ``scores.json``: target -> scores, intervals, baselines, verdict and details."""
        return read_json(self.path / "scores.json")["targets"]

    @property
    def scores(self) -> dict[str, Any]:
        """Metric -> value, low and high (95%) of the network; with several targets, target -> that."""
        each = {target: result["systems"]["network"]["scores"] for target, result in self.results.items()}
        return next(iter(each.values())) if len(each) == 1 else each

    @property
    def verdict(self) -> str:
        """Whether the network pays here, in one sentence a target."""
        return " ".join(result["verdict"] for result in self.results.values())

    def predict(self, data: Any, *, broken: WhereBroken = "raise", files: str | None = None) -> Any:
        """Predict rows.

        Args:
            data: anything that ``train`` takes; the target may be absent. Columns in any order.
            broken: what becomes of rows with a file that cannot be decoded: "raise" an error that names them; or
                predictions that are "null", and a last column ``broken`` that says why, null in all other rows.
            files: folder or zip file that names of files are relative to; where it was in training if not given.

        Returns:
            A polars frame (a pandas frame for pandas rows), one row each: the prediction under the target's name, and
            ``<target>_probability_<class>``, or ``<target>_low`` and ``<target>_high``, or ``<target>_sureness`` of a
            text.

        Raises:
            MissingColumnError: if an input column is not there.
            DataError: if a cell is not of its column's type; if a file cannot be decoded, unless ``broken`` is "null";
                or if none of the first files of a column is there, whatever ``broken`` is: they lie elsewhere.
        """
        made = pl.concat(self.predictions(data, broken=broken, files=files))
        return made.to_pandas() if type(data).__module__.partition(".")[0] == "pandas" else made

    def write(self, row: str | Mapping[str, Any], **decoding: Any) -> list[Written]:
        """Write the text of one row: translate, summarise, caption it, as the run has learned; or go on with a text.

        Args:
            row: its cells by column; or the cell itself, where the run reads a single column. Names of files are
                relative to where they were in training, or to the folder of the program. Of a run that continues
                texts: the beginning of one, which may be empty.
            decoding: how the text is drawn, where that differs from the run: ``how="sample"``, ``temperature=0.8``,
                ``alternatives=3`` ... (see :class:`lamina.decoding.settings.DecodingSettings`).

        Returns:
            The texts, the best first: ``run.write("A dog runs.")[0].text``.

        Raises:
            UsageError: if the run predicts no text, or reads several columns and one cell is given.
            MissingColumnError: if an input column is not there.
            DataError: if a cell is not of its column's type, or its file is not there or cannot be decoded.
            SettingError: if there is no such setting of decoding, or its value is out of bounds.
        """
        # What is wrong with the question comes before what is wrong with the row.
        task = self.predictor.task_of_texts(**decoding)
        if isinstance(task, Continue):
            return task.continued(self.predictor.model, [_beginning(row)], **decoding)[0]
        return self.predictor.write(self._row(row), **decoding)[0]

    def write_on(self, row: str | Mapping[str, Any], **decoding: Any) -> Generator[str, None, Written]:
        """As :meth:`write`, one text piece by piece as it becomes certain: greedily or by chance, not by a beam.

        Raises:
            UsageError: as :meth:`write`; also for a beam, or several alternatives.
        """
        task = self.predictor.task_of_texts(**decoding)
        if isinstance(task, Continue):
            return task.continued_on(self.predictor.model, _beginning(row), **decoding)
        return self.predictor.write_on(self._row(row), **decoding)

    def chat(self, **settings: Any) -> Chat:
        """Talk with the network of a run that has learned dialogues.

        Args:
            settings: of :class:`lamina.chatting.settings.ChatSettings`, where they differ from the run's.

        Raises:
            UsageError: if the run has learned no dialogues.
            SettingError: if there is no such setting, or its value is out of bounds.
        """
        task = self.predictor.task_of(ChatTask, "the run has learned no dialogues")
        return Chat(task.speaker(self.predictor.model), **settings)

    def compose(self, tune: Any = None, **composing: Any) -> MusicPiece:
        """Compose a piece of music, as the run has learned.

        Args:
            tune: one to go on from, or to vary: the name of a MIDI file, its bytes, or a list of steps, each a list of
                pitches; a new piece without.
            composing: how it is done, where that differs from the run: ``how="vary"``, ``seconds=60``,
                ``temperature=0.8`` ... (see :class:`lamina.tasks.compose.ComposingSettings`).

        Returns:
            The piece: ``run.compose(seconds=30).save("new.wav")``.

        Raises:
            UsageError: if the run composes no music, or a tune is needed for what is asked and not given.
            DataError: if the tune cannot be read.
            SettingError: if there is no such setting, or its value is out of bounds.
        """
        return self.predictor.compose(tune, **composing)

    def _row(self, row: str | Mapping[str, Any]) -> pl.DataFrame:
        """One row as a frame: its cells by column, or the cell of the only column that the run reads."""
        names = [feature.column for feature in self.predictor.encoder.inputs]
        if isinstance(row, str):
            if len(names) != 1:
                raise UsageError(
                    "the run reads several columns", got="one cell", allowed=", ".join(names),
                    do="give each by its name: NAME=CELL",
                )  # fmt: skip
            row = {names[0]: row}
        return self._table(pl.DataFrame({name: [cell] for name, cell in row.items()})).head(1)

    def predict_to(
        self,
        data: Any,
        out: str | Path | BinaryIO,
        *,
        keep: bool = False,
        broken: WhereBroken = "raise",
        files: str | None = None,
    ) -> int:
        """Predict rows into a file, in bounded memory whatever the size of the table.

        Args:
            data, broken, files: as for :meth:`predict`.
            out: a file of CSV, JSON lines or Parquet, by its name, which is there whole or not at all; or an open
                binary file, which gets CSV as it comes.
            keep: put the columns of ``data`` before the predictions; a target's own column is then ``<target>_true``.

        Returns:
            How many rows there are.
        """
        frames = self.predictions(data, keep=keep, broken=broken, files=files)
        return write(frames, Path(out)) if isinstance(out, (str, Path)) else write_csv(frames, out)

    def predictions(
        self, data: Any, *, keep: bool = False, broken: WhereBroken = "raise", files: str | None = None
    ) -> Iterator[pl.DataFrame]:
        """As :meth:`predict_to`, piece by piece, at least one; columns and their types are the same in each."""
        if broken not in get_args(WhereBroken):
            raise UsageError("there is no such way with broken files", got=broken, allowed="raise, null")
        table = self._table(data, files)
        chunks = iter(table.chunks() if table.rows else [table.head(0)])
        row = 0
        for chunk in chunks:
            found: Broken = {}
            try:
                made = self.predictor.predict(chunk, row, found if broken == "null" else None)
            except DataError as error:
                raise self._naming_all(error, itertools.chain([chunk], chunks), row) from error
            if broken == "null":
                made = _with_reasons(made, found)
            row += len(chunk)
            truth = {name: f"{name}_true" for name in chunk.columns if name in made.columns}
            yield pl.concat([chunk.rename(truth), made], how="horizontal") if keep else made

    def _naming_all(self, error: DataError, chunks: Iterable[pl.DataFrame], row: int) -> DataError:
        """The error that stopped predictions; where it is a file that cannot be decoded, one for all such files."""
        rows: list[str] = []
        first = ""
        for chunk in chunks:
            found = self.predictor.broken(chunk, row)
            rows += faulty(self.predictor.encoder.inputs, chunk, found, row)
            if not rows:
                return error
            first = first or found[min(found)]
            row += len(chunk)
        return DataError(
            f"{len(rows)} of {row} rows have a file that cannot be decoded",
            got=f"{some(rows)}; the first: {first}",
            do="mend the files, or leave their predictions empty: --broken null",
        )

    def embed(self, data: Any, layer: str | None = None, target: str | None = None) -> pl.DataFrame:
        """What a layer gives for each row, as one vector a row.

        Args:
            data: as for :meth:`predict`.
            layer: dotted name of a module of ``predictor.model``; what the head sees if None.
            target: a column of ``data`` to keep beside the vectors.

        Returns:
            A polars frame: ``row`` (its number), the target, and ``vector``, an array column.

        Raises:
            MissingColumnError: if an input column is not there.
            UsageError: if there is no such layer; it gives the nearest name.
        """
        return pl.concat([piece.columns(target) for piece in self.vectors(data, layer)])

    def vectors(self, data: Any, layer: str | None = None, files: str | None = None) -> Iterator[Piece]:
        """As :meth:`embed`, piece by piece, in bounded memory; ``files`` is where those lie that the rows name."""
        self.predictor.check_reads()
        embedder = Embedder(self.predictor.encoder, self.predictor.model, layer)
        table = self._table(data, files)
        return embedder.stream(table.chunks() if table.rows else [table.head(0)])

    def look(self, data: Any = None, row: int = 0) -> Look:
        """Look inside the network: its parts and filters, and with rows what it does with one of them.

        Args:
            data: as for :meth:`predict`; without it the network alone is seen.
            row: number of the row to look at.

        Raises:
            DataError: if there is no such row.
        """
        if data is None:
            return look(self.predictor)
        self.predictor.check_reads()
        frame = self._table(data).head(max(MOST, row + 1))
        if not 0 <= row < len(frame):
            raise DataError("there is no such row", got=row, allowed=f"0 to {len(frame) - 1}")
        return look(self.predictor, frame, row)

    def export(
        self,
        out: str | Path | None = None,
        format: str = "bundle",
        *,
        data: Any = None,
        files: str | None = None,
        name: str | None = None,
        licence: str | None = None,
    ) -> Exported:
        """Write the run as a file for other machines, once that file has said the same as the run.

        Args:
            out: the file; named after the run, in the current folder, if not given.
            format: ``bundle``, which :func:`lamina.runtime.load` opens without PyTorch; ``onnx``, the graph from
                encoded columns to activated outputs; ``safetensors``, the weights; ``torch``, a program for
                ``torch.export.load``.
            data: rows to compare on; the run's held-back rows, if not given and its table is still there; else rows
                made from what the features know.
            files: as for :meth:`predict`.
            name: of the run, where it shall not be that of its folder.
            licence: what the file may be used for: a licence's name, or the file that holds it.

        Returns:
            Path, size, what is inside, and the greatest difference that was found.

        Raises:
            ExportError: if the file would differ from the run by more than 1e-4; nothing was written then.
            UsageError: if the run's task cannot be exported yet.
            SettingError: if there is no such format.
            MissingExtraError: if a package is needed that is not installed.
        """
        table, numbers = self._held_back() if data is None else (self._table(data, files), None)
        path = None if out is None else Path(out)
        scores = read_json(self.path / "scores.json")
        return leave(self.predictor, name or self.path.resolve().name, path, format, table, numbers, scores, licence)

    def _held_back(self) -> tuple[Table | None, list[int] | None]:
        """The table that the judged rows are in, and their numbers there; neither where it is there no more."""
        judged = self.path / "predictions.parquet"
        of = {"test": self.plan.data.test, "valid": self.plan.data.valid}
        source = of.get(read_json(self.path / "scores.json")["rows"]) or self.plan.data.source
        if source is None or not judged.is_file():
            return None, None
        try:
            return self._table(source), pl.read_parquet(judged, columns=["row"])["row"].to_list()
        except LaminaError:  # moved, or changed: the caller makes rows, and says so
            return None, None

    def _table(self, data: Any, files: str | None = None) -> Table:
        table = read(data, missing=self.plan.data.missing)
        data_settings = self.plan.data if files is None else dataclasses.replace(self.plan.data, files=files)
        return as_trained(table, self.predictor.encoder.inputs, data_settings)

    @cached_property
    def warnings(self) -> list[dict[str, str]]:
        """What a person should know of the run: a list of severity and text."""
        return document(self.path)["warnings"]

    def evaluate(self, data: Any) -> dict[str, Any]:
        """Score on rows whose targets are known.

        Returns:
            As :attr:`results`: target -> document, of the network alone.

        Raises:
            DataError: if no row has a known target.
        """
        table = self._table(data)
        locate(table, self.predictor.encoder.targets, self.plan.data.files)
        return evaluate(self.predictor, table, self.plan.seed, self.plan.evaluate.resamples)

    def _repr_html_(self) -> str:
        rows = []
        for target, result in self.results.items():
            network = result["systems"]["network"]["scores"]
            for metric in result["metrics"]:
                found = network.get(metric["name"])
                if found and found["value"] is not None:
                    cells = (
                        target,
                        metric["label"],
                        f"{found['value']:.4g}",
                        f"{found['low']:.4g} to {found['high']:.4g}",
                    )
                    rows.append("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>")
        head = "<tr><th>target</th><th>score</th><th>value</th><th>95% interval</th></tr>"
        return f"<p>{html.escape(self.verdict)}</p><table>{head}{''.join(rows)}</table>"

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"


def _beginning(row: str | Mapping[str, Any]) -> str:
    """What a run that continues texts is to go on with."""
    if not isinstance(row, str):
        raise UsageError("the run continues texts, and reads no columns", got=", ".join(map(str, row)),
                         do="give the beginning of a text")  # fmt: skip
    return row


def _with_reasons(made: pl.DataFrame, broken: Broken) -> pl.DataFrame:
    """Predictions, and what is wrong with the files of each row; under a name that no target has."""
    name = "broken"
    while name in made.columns:
        name += "_"
    return made.with_columns(pl.Series(name, [broken.get(place) for place in range(len(made))], dtype=pl.String))


def evaluate(predictor: Predictor, table: Table, seed: int, resamples: int = 1000) -> dict[str, Any]:
    """Scores of a predictor on a table; rows with a missing or unknown target are left out and counted."""
    tasks, outputs = predictor.objective.tasks, []
    truths: list[list[np.ndarray]] = [[] for _ in tasks]
    knowns: list[list[np.ndarray]] = [[np.empty(0, bool)] for _ in tasks]
    row = 0
    for chunk in table.chunks():
        read_rows = predictor.encoder.read(chunk, row, targets=True)
        outputs.append(predictor.said(chunk, row))
        refused: Broken = {}
        encoded_targets = predictor.encoder.encode_targets(read_rows, refused, row)
        for place, (task, encoded) in enumerate(zip(tasks, encoded_targets, strict=True)):
            known = ~read_rows[task.feature.column].is_null().to_numpy()
            known[list(refused)] = False
            if task.feature.kind in ("category", "boolean"):
                known &= encoded >= 0  # a class that training has not seen
            truths[place].append(task.truth(encoded))
            knowns[place].append(known)
        row += len(chunk)
    answers = predictor.objective.answers(predictor.objective.joined(outputs))
    documents = {}
    for place, (task, answer) in enumerate(zip(tasks, answers, strict=True)):
        known = np.concatenate(knowns[place])
        if not known.any():
            raise DataError(f"no row has a known target {task.feature.column!r}", got=f"{len(known)} rows")
        truth, answer = np.concatenate(truths[place])[known], answer.take(known)
        names = list(getattr(task.feature, "names", []))
        made = scores(task.name, truth, {"network": answer}, seed=seed, names=names, resamples=resamples)
        documents[task.feature.column] = {**made, "rows_left_out": int((~known).sum())}
    return documents
