"""A run's results as one HTML page that opens offline: no script, nothing to load, everything from the data escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lamina.evaluation.figures import together
from lamina.report import chart
from lamina.report.cards import cards
from lamina.report.columns import columns_table
from lamina.report.made import made
from lamina.report.markup import Raw, duration, escape, facts, number, share, short, table, whole, words
from lamina.report.uses import use_of

__all__ = ["page"]

MOST_CLASSES = 30  # listed with their precision and recall
MOST_CONTRIBUTIONS = 20  # columns that are drawn

Document = Mapping[str, Any]

_KINDS = {
    "binary": "one of two classes",
    "multiclass": "one of {count} classes",
    "multilabel": "any of {count} labels",
    "regression": "a number",
    "write": "a text",
    "compose": "music, step by step",
    "chat": "what the assistant says in a dialogue",
    "continue": "a text, token by token",
    "transcribe": "a transcript",
    "point": "a part of a text",
    "extract": "a sentence of a text",
    "tag": "labels of words",
}
_SYSTEMS = {
    "network": "Network",
    "constant": "Constant",
    "linear": "Linear model",
    "tree": "Decision tree",
    "boosting": "Gradient boosting",
    "svm": "Support vectors",
    "nearest": "Most similar row",
    "window": "Words like the question",
    "lead": "First sentence",
    "textrank": "TextRank",
    "unigram": "Frequencies",
    "before": "Before it learned",
    "ngram": "Counted n-grams",
    "words": "Each word by itself",
    "repeat": "Step before again",
}


def page(document: Document) -> str:
    """The report of a run.

    Args:
        document: JSON values under ``title``, ``created``, ``version``, ``run``, ``data``, ``warnings``, ``plan``,
            ``machine``, ``history``, ``training``, ``samples`` (see :func:`lamina.report.cards.cards`) and ``targets``
            (column -> what :func:`lamina.evaluation.scores.scores` gave, and under ``columns`` what
            :func:`lamina.evaluation.contribution.contributions` did); ``made`` (see
            :data:`lamina.pipeline.made.MADE`); ``inside`` is made as HTML already. Any of them may be missing:
            its section is then left out.

    Returns:
        A whole HTML document.

    Example:
        >>> "&lt;b&gt;" in page({"title": "<b>"})
        True
    """
    document = _saying_whose(document)
    sections = [(name, title, build(document)) for name, title, build in _SECTIONS]
    sections = [section for section in sections if section[2]]
    links = "".join(f'<a href="#{name}">{escape(title)}</a>' for name, title, _ in sections)
    body = "".join(
        f'<section id="{name}"><h2>{escape(title)}</h2>{content}</section>' for name, title, content in sections
    )
    main = Raw(f'{_headlines(document)}<nav aria-label="Sections">{links}</nav>{body}')
    return whole(document.get("title") or "Report", _origin(document), main, document.get("version"))


def _saying_whose(document: Document) -> Document:
    """The document with ``judged`` at each target: which rows its figures are of, test or, without any, valid ones."""
    counts = (document.get("data") or {}).get("rows") or {}
    judged = "valid rows" if counts.get("test") == 0 else "test rows"
    targets = document.get("targets") or {}
    return {**document, "targets": {column: {**target, "judged": judged} for column, target in targets.items()}}


def _origin(document: Document) -> Raw:
    data = document.get("data") or {}
    parts = [document.get("created"), data.get("source") and f"from {short(data['source'], 80)}"]
    if data.get("rows_read") is not None:
        parts.append(f"{data['rows_read']:,} rows")
    if data.get("columns"):
        parts.append(f"{len(data['columns']):,} columns")
    said = " · ".join(str(part) for part in parts if part)
    return Raw(f'<p class="soft small">{escape(said)}</p>') if said else Raw("")


# --- scores ---------------------------------------------------------------------------------------------------------


def _headlines(document: Document) -> Raw:
    """For each target its headline score and the verdict."""
    parts = []
    for column, target in (document.get("targets") or {}).items():
        metric = _metrics(target).get(target.get("headline"), {})
        score = _system(target, "network").get("scores", {}).get(target.get("headline")) or {}
        what = _KINDS.get(target.get("kind", ""), "").format(count=len(target.get("classes") or ()))
        classes = target.get("classes") or []
        named = f": {short(', '.join(map(str, classes)), 80)}" if 0 < len(classes) <= 6 else ""
        about = f"<p>Predicts <strong>{escape(short(column, 80))}</strong>, {escape(what + named)}.</p>"
        if target.get("verdict"):
            outcome = escape(target.get("outcome", ""))
            about += f'<p class="verdict {outcome}">{escape(_minus(target["verdict"]))}</p>'
        value, low, high = together([score.get("value"), score.get("low"), score.get("high")])
        rows = f" on {target['rows']:,} {target['judged']}" if target.get("rows") is not None else ""
        interval = f", 95% interval {_minus(low)} to {_minus(high)}" if score.get("low") is not None else ""
        parts.append(
            f'<div class="headline"><div><div class="figure">{escape(_minus(value))}</div>'
            f'<div class="soft small">{escape(metric.get("label", ""))}{rows}{interval}</div></div>'
            f'<div class="about">{about}</div></div>'
        )
    return Raw("".join(parts))


def _minus(text: str) -> str:
    """A hyphen before a number, made a minus."""
    return re.sub(r"(?<![\w-])-(?=\d)", "−", text)


def _metrics(target: Document) -> dict[str, Document]:
    return {metric["name"]: metric for metric in target.get("metrics") or ()}


def _system(target: Document, name: str) -> Document:
    return (target.get("systems") or {}).get(name) or {}


def _per_target(document: Document, build: Callable[[Document], Raw]) -> Raw:
    """One block per target, under its name where there are several."""
    targets = document.get("targets") or {}
    blocks = [(column, block) for column, target in targets.items() if (block := build(target))]
    named = len(targets) > 1
    return Raw("".join(f"<h3>{escape(column)}</h3>{block}" if named else block for column, block in blocks))


def _scores(document: Document) -> Raw:
    return _per_target(document, _scores_of)


def _scores_of(target: Document) -> Raw:
    systems = target.get("systems") or {}
    judged = {name: system for name, system in systems.items() if system.get("scores")}
    if not judged:
        return Raw("")
    metrics = _metrics(target)
    heads = [("", "text"), *((_SYSTEMS.get(name, name), "number") for name in judged)]
    rows: list[list[object]] = [[metric["label"], *_score_cells(judged, metric)] for metric in metrics.values()]
    headline = metrics[target["headline"]]
    if len(judged) > 1:
        of = Raw(f'Network minus this<span class="range">{escape(headline["label"])}</span>')
        rows.append([of, *_differences(judged)])
    rows.append(["Time to fit and answer", *(duration(system.get("seconds") or None) for system in judged.values())])
    parts = [table(heads, rows, ["strong", *[""] * (len(rows) - 1)]), _score_notes(target)]
    if len(judged) > 1:
        drawn = [_bar(name, system, headline["name"]) for name, system in judged.items()]
        better = {True: "Further right is better.", False: "Further left is better."}
        told = f"With 95% intervals. {better.get(headline['greater_is_better'], '')}".strip()
        picture = chart.bars(drawn, x=headline["label"])
        parts.append(_figures([_figure(f"{headline['label']} of each", told, picture)]))
    return Raw("".join(parts))


def _score_cells(systems: Mapping[str, Document], metric: Document) -> list[Raw]:
    """A metric of every system, with its interval below; the best is marked."""
    scores = [system["scores"].get(metric["name"]) or {} for system in systems.values()]
    texts = iter(_minus(text) for text in together([score.get(key) for score in scores for key in _SCORE]))
    known = [score["value"] for score in scores if score.get("value") is not None]
    sign = {True: max, False: min}.get(metric["greater_is_better"])
    best = sign(known) if sign and len(known) > 1 else None
    cells = []
    for score in scores:
        value, low, high = next(texts), next(texts), next(texts)
        if score.get("value") is None:
            cells.append(Raw("–"))
            continue
        mark = ' class="best"' if score["value"] == best else ""
        cells.append(Raw(f"<span{mark}>{value}</span>{_range(score, low, high)}"))
    return cells


_SCORE = ("value", "low", "high")


def _differences(systems: Mapping[str, Document]) -> list[Raw]:
    differences = [system.get("difference") or {} for system in systems.values()]
    texts = iter(_minus(text) for text in together([one.get(key) for one in differences for key in _SCORE]))
    cells = []
    for one in differences:
        value, low, high = next(texts), next(texts), next(texts)
        cells.append(Raw("") if one.get("value") is None else Raw(f"{value}{_range(one, low, high)}"))
    return cells


def _range(score: Document, low: str, high: str) -> str:
    return "" if score.get("low") is None else f'<span class="range">{low} to {high}</span>'


def _score_notes(target: Document) -> Raw:
    """What the figures rest on, and what was said of each baseline."""
    rests = []
    if target.get("rows") is not None:
        rests.append(f"All on the same {target['rows']:,} {target['judged']}.")
    if target.get("resamples"):
        rests.append(
            f"Below each score its 95% interval, from {target['resamples']:,} bootstrap replicates of the rows."
        )
    threshold = target.get("threshold")
    if isinstance(threshold, Mapping):
        rests.append(str(threshold.get("sentence") or f"Decision threshold {number(threshold.get('value'))}."))
    elif threshold is not None:
        rests.append(f"Decision threshold {number(threshold)}.")
    notes = [
        f"<li>{escape(_SYSTEMS.get(name, name))}: {escape(short(system['note'], 300))}.</li>"
        for name, system in (target.get("systems") or {}).items()
        if system.get("note")
    ]
    listed = f'<ul class="small soft">{"".join(notes)}</ul>' if notes else ""
    return Raw(f'<p class="small soft">{escape(" ".join(rests))}</p>{listed}')


def _bar(name: str, system: Document, metric: str) -> chart.Bar:
    score = system["scores"].get(metric) or {}
    return chart.Bar(
        _SYSTEMS.get(name, name), score.get("value"), score.get("low"), score.get("high"), strong=name == "network"
    )


# --- what kind of mistakes ------------------------------------------------------------------------------------------


def _mistakes(document: Document) -> Raw:
    return _per_target(document, _mistakes_of)


def _mistakes_of(target: Document) -> Raw:
    detail = target.get("detail") or {}
    classes = target.get("classes") or []
    positive = classes[1] if len(classes) == 2 else "class 1"
    judged = target["judged"]
    parts = []
    if confusion := detail.get("confusion"):
        picture = chart.heat(confusion["classes"], confusion["counts"])
        told = f"{judged.capitalize()}, and their share of the true class."
        parts.append(_figure("Who is taken for whom", told, picture))
    if detail.get("roc"):
        picture = chart.line(
            {"network": detail["roc"]}, x="false positive rate", y="true positive rate", diagonal=True, unit=True
        )
        parts.append(_figure("ROC curve", f"For {short(positive, 30)}; the dashed line is chance.", picture))
    if detail.get("precision_recall"):
        chance = detail.get("positive_share")
        told = f"Chance would give a precision of {number(chance, 2)}." if chance is not None else ""
        picture = chart.line({"network": detail["precision_recall"]}, x="recall", y="precision", unit=True)
        parts.append(_figure("Precision and recall", told, picture))
    if detail.get("reliability"):
        points = [(one["predicted"], one["observed"]) for one in detail["reliability"]]
        sizes = [one["rows"] for one in detail["reliability"]]
        picture = chart.scatter(points, x="probability given", y="share that came true", diagonal=True, sizes=sizes)
        told = "On the dashed line they come true as said; larger dots are more rows."
        parts.append(_figure("Can the probabilities be trusted?", told, picture))
    if detail.get("predicted"):
        picture = chart.scatter(detail["predicted"], x="truth", y="prediction", diagonal=True)
        parts.append(_figure("Prediction and truth", f"{len(detail['predicted']):,} {judged}.", picture))
    if residuals := detail.get("residuals"):
        picture = chart.histogram(residuals["edges"], residuals["counts"], x="prediction minus truth", y=judged)
        parts.append(_figure("Errors", "The outermost columns hold the rarest half per cent of each side.", picture))
    return Raw(_figures(parts) + _classes_table(detail, judged) + _quantiles_table(detail, judged))


def _classes_table(detail: Document, judged: str) -> Raw:
    """Precision, recall and F1 of each class."""
    listed = list(detail.get("per_class") or ())
    if not listed:
        return Raw("")
    shown = sorted(sorted(listed, key=lambda one: -one["rows"])[:MOST_CLASSES], key=listed.index)
    heads = [("Class", "text"), *((name, "number") for name in (judged.capitalize(), "Precision", "Recall", "F1"))]
    rows = [
        [short(one["name"], 60), f"{one['rows']:,}", *(_hundredths(one[key]) for key in ("precision", "recall", "f1"))]
        for one in shown
    ]
    rest = f'<p class="small soft">The {len(shown)} most frequent classes.</p>' if len(shown) < len(listed) else ""
    return Raw(f"{table(heads, rows)}{rest}")


def _hundredths(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _quantiles_table(detail: Document, judged: str) -> Raw:
    rows = [[f"{one['share']:g}", _hundredths(one["observed"])] for one in detail.get("quantiles") or ()]
    return table([("Quantile", "number"), (f"Share of {judged} below it", "number")], rows) if rows else Raw("")


def _figure(title: str, told: str, picture: Raw) -> Raw:
    if not picture:
        return Raw("")
    told = f"<span>{escape(told)}</span>" if told else ""
    return Raw(f"<figure><figcaption>{escape(title)}{told}</figcaption>{picture}</figure>")


def _figures(parts: Sequence[Raw]) -> Raw:
    drawn = "".join(parts)
    return Raw(f'<div class="charts">{drawn}</div>') if drawn else Raw("")


# --- columns and rows -----------------------------------------------------------------------------------------------


def _contributions(document: Document) -> Raw:
    return _per_target(document, _contributions_of)


def _contributions_of(target: Document) -> Raw:
    found = target.get("columns") or {}
    listed = list(found.get("columns") or ())
    if not listed:
        return Raw("")
    shown = listed[:MOST_CONTRIBUTIONS]
    told = (
        f"How much the loss rises if the cells of a column are exchanged among {found['rows']:,} rows, so that they "
        f"look as ever and say nothing, with 95% intervals. As the rows are, the loss is {number(found['loss'])}. Of "
        "two columns that say the same, neither contributes much."
    )
    rest = [f"{len(listed) - len(shown)} more contribute less."] if len(shown) < len(listed) else []
    if left_out := found.get("left_out"):
        rest.append(f"Not looked at: {short(', '.join(left_out), 300)}.")
    picture = chart.bars([chart.Bar(**one) for one in shown], x="rise of the loss", zero=True)
    parts = [f"<p>{escape(told)}</p>", _figures([_figure("Contribution of each column", "", picture)])]
    parts.append(f'<p class="small soft">{escape(" ".join(rest))}</p>' if rest else "")
    if gates := found.get("gates"):
        parts.append("<p>The network weighs its columns by gates; on average a row gets so much from each:</p>")
        parts.append(facts([(short(one["name"], 40), share(one["gate"])) for one in gates]))
    return Raw("".join(parts))


def _rows(document: Document) -> Raw:
    """Judged rows to look at."""
    listed = list(document.get("samples") or ())
    groups = (
        ("The largest losses", [one for one in listed if one.get("is_worst")]),
        ("At random", [one for one in listed if not one.get("is_worst")]),
    )
    drawn = "".join(f"<h3>{escape(title)}</h3>{cards(group)}" for title, group in groups if group)
    told = (
        f'<p class="small soft">{len(listed)} judged rows as the network saw them. Whoever has the run has these.</p>'
    )
    return Raw(told + drawn) if listed else Raw("")


# --- training -------------------------------------------------------------------------------------------------------


def _inside(document: Document) -> Raw:
    """Drawings that :func:`lamina.report.looking.inside` made."""
    return Raw(document.get("inside") or "")


def _learning(document: Document) -> Raw:
    history, training = document.get("history") or [], document.get("training") or {}
    by = "epoch" if any(one.get("epoch") is not None for one in history) else "step"
    series = {
        name: [(one.get(by), one.get(key)) for one in history]
        for name, key in (("training", "train_loss"), ("validation", "valid_loss"))
        if any(one.get(key) is not None for one in history)
    }
    best = training.get("best_epoch")
    told = f"The dashed line is epoch {best}, whose weights were kept." if best is not None and by == "epoch" else ""
    picture = chart.line(series, x=by, y="loss", mark=best if told else None)
    stopped, overfitting = training.get("stopped_because"), training.get("overfitting")
    said = [f"Stopped because {stopped}." if stopped else "", overfitting or ""]
    prose = "".join(f"<p>{escape(sentence)}</p>" for sentence in said if sentence)
    pairs = [
        ("Time", duration(training["seconds"]) if training.get("seconds") is not None else None),
        ("Epochs", history[-1].get("epoch") if history else None),
        ("Steps", f"{history[-1]['step']:,}" if history and history[-1].get("step") is not None else None),
        ("Best epoch", best),
        ("Parameters", f"{training['parameters']:,}" if training.get("parameters") is not None else None),
    ]
    listed = facts([(name, value) for name, value in pairs if value is not None])
    return Raw(prose + listed + _figures([_figure("Loss", told, picture)]))


# --- data -----------------------------------------------------------------------------------------------------------


def _warnings(document: Document) -> Raw:
    items = []
    for one in document.get("warnings") or ():
        severity, text = escape(one.get("severity", "note")), escape(one.get("text", ""))
        items.append(f'<li><span class="severity {severity}">{severity.capitalize()}</span> · {text}</li>')
    return Raw(f"<ul>{''.join(items)}</ul>") if items else Raw("")


def _data(document: Document) -> Raw:
    data = document.get("data") or {}
    parts = []
    rows = data.get("rows") or {}
    if rows:
        aside = sum(one.get("count", 0) for one in data.get("set_aside") or ())
        split = ", ".join(f"{rows[part]:,} {name}" for part, name in _PARTS.items() if rows.get(part) is not None)
        read = f"{data['rows_read']:,} rows read: " if data.get("rows_read") is not None else ""
        parts.append(
            f"<p>{escape(f'{read}{split}; {aside:,} set aside.' if aside else f'{read}{split}; none set aside.')}</p>"
        )
    columns = list(data.get("columns") or ())
    if columns:
        parts.append(columns_table(columns))
    if data.get("fingerprint"):
        parts.append(f'<p class="small soft">Fingerprint of the data: <code>{escape(data["fingerprint"])}</code></p>')
    return Raw("".join(parts))


_PARTS = {"train": "to train", "valid": "to validate", "test": "to test", "unlabelled": "without a target"}


def _aside(document: Document) -> Raw:
    listed = (document.get("data") or {}).get("set_aside") or ()
    rows = [
        [short(one.get("reason", "")), words(one.get("count")), short(", ".join(map(str, one.get("examples") or ())))]
        for one in listed
    ]
    return table([("Reason", "text"), ("Rows", "number"), ("For example", "text")], rows) if rows else Raw("")


# --- how it was made ------------------------------------------------------------------------------------------------


def _plan(document: Document) -> Raw:
    """Settings by group."""
    plan = document.get("plan") or {}
    plain = [(name, _setting(value)) for name, value in plan.items() if not isinstance(value, Mapping)]
    groups = [
        f"<h3>{escape(name)}</h3>{facts(_flat(value))}"
        for name, value in plan.items()
        if isinstance(value, Mapping) and value
    ]
    return Raw(facts(plain) + "".join(groups))


def _flat(values: Document, before: str = "") -> list[tuple[str, object]]:
    """Nested settings with dotted names."""
    pairs: list[tuple[str, object]] = []
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            pairs += _flat(value, f"{before}{name}.")
        else:
            pairs.append((f"{before}{name}", _setting(value)))
    return pairs


def _setting(value: Any) -> str:
    """A setting as one would type it: 0.001, not rounded, no thousands separated."""
    if value is None or isinstance(value, bool) or value in ("", [], {}):
        return words(value)
    return short(", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value)


def _machine(document: Document) -> Raw:
    machine = dict(document.get("machine") or {})
    notes = machine.pop("notes", None) or ()
    listed = "".join(f"<li>{escape(note)}</li>" for note in notes)
    pairs = [(name.replace("_", " "), _setting(value)) for name, value in _flat(machine)]
    if pairs and document.get("version"):
        pairs.append(("lamina", document["version"]))
    return Raw(facts(pairs) + (f'<ul class="small">{listed}</ul>' if listed else ""))


def _use(document: Document) -> Raw:
    """The commands that go on from here."""
    if not document.get("targets"):
        return Raw("")
    run = escape(document.get("run") or "RUN")
    use = use_of(target.get("kind", "") for target in document["targets"].values())
    if use:
        return Raw(f"<p>{use.told}</p><pre>{use.command.format(run=run)}</pre>")
    return Raw(
        "<p>New rows, from a file with the same columns (in any order):</p>"
        f"<pre>lamina predict {run} new.csv --out predictions.csv</pre>"
        "<p>The same in Python, and the scores on other labelled rows:</p>"
        f'<pre>import lamina\n\nrun = lamina.load("{run}")\nrun.predict("new.csv")\nrun.evaluate("labelled.csv")</pre>'
        "<p>Whether every file of the run is as it was written, and going on with the training:</p>"
        f"<pre>lamina verify {run}\nlamina resume {run}</pre>"
    )


_SECTIONS: tuple[tuple[str, str, Callable[[Document], Raw]], ...] = (
    ("warnings", "Warnings", _warnings),
    ("scores", "Scores", _scores),
    ("mistakes", "Where it is right and wrong", _mistakes),
    ("columns", "What each column contributes", _contributions),
    ("rows", "Rows", _rows),
    ("made", "What it makes", lambda document: made(document.get("made"))),
    ("inside", "Inside the network", _inside),
    ("learning", "Learning", _learning),
    ("data", "The data as seen", _data),
    ("aside", "Set aside", _aside),
    ("plan", "The plan", _plan),
    ("machine", "Machine and versions", _machine),
    ("use", "Use it", _use),
)
