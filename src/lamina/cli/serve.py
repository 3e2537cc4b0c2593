"""``lamina serve``: models behind HTTP, with a page to try them on."""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lamina.cli.command import Command
from lamina.cli.output import print_json
from lamina.errors import UsageError
from lamina.extras import need
from lamina.serve.models import Source, named
from lamina.serve.servable import Servable
from lamina.serve.server import serve
from lamina.serve.settings import ServeSettings, described
from lamina.serve.workers import Worker, supervise

__all__ = ["command"]

TOKEN = "LAMINA_TOKEN"


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "models",
        metavar="MODEL",
        nargs="+",
        help="A bundle or a run folder, or NAME=PATH; the second of a name is its version 2.",
    )
    for name, kind, default, text in described():
        option = f"--{name.replace('_', '-')}"
        if kind is bool:
            parser.add_argument(option, action="store_true", help=text)
        elif name == "token":
            parser.add_argument(option, metavar="TOKEN", help=f"{text.rstrip('.')}; or in the environment as {TOKEN}.")
        else:
            parser.add_argument(option, metavar=name.upper(), type=kind, default=default, help=text)


def _run(args: argparse.Namespace) -> int:
    given = {name: getattr(args, name) for name, *_ in described()}
    given["token"] = given["token"] or os.environ.get(TOKEN) or None
    settings = ServeSettings(**given)
    need("uvicorn", extra="serve", why="to serve models")
    sources = _sources(args.models)
    ready = partial(_tell, sources=sources, settings=settings, as_json=args.json)
    if settings.workers > 1 and Worker.mine() is None:
        supervise(_words(args.models, settings), settings, list(dict.fromkeys(one.name for one in sources)), ready)
    else:
        serve(sources, settings, ready)
    return 0


def _sources(words: list[str]) -> list[Source]:
    """Where the models come from; the second of a name is its second version."""
    sources: list[Source] = []
    for word in words:
        name, sign, path = word.partition("=")
        if not sign:
            path = word
            # A file's name may have anything in it; an address may not.
            stem = Path(path).resolve().name.removesuffix(".lamina")
            name = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._") or "model"
        if not Path(path).exists():
            raise UsageError("there is no such model", got=path, allowed="a bundle, or a run folder", do="lamina runs")
        version = 1 + sum(one.name == name for one in sources)
        sources.append(Source(named(name), version, _opener(path, name)))
    return sources


def _opener(path: str, name: str) -> Callable[[], Servable]:
    return partial(_open_run, path, name) if Path(path).is_dir() else partial(_open_bundle, path)


def _open_run(path: str, name: str) -> Servable:
    # A bundle needs none of this, nor torch with it.
    import lamina
    from lamina.serve.from_run import FromRun

    return FromRun(lamina.load(path), name)


def _open_bundle(path: str) -> Servable:
    from lamina import runtime

    return runtime.load(path, files=False)  # a client must not read the files of this machine


def _words(models: list[str], settings: ServeSettings) -> list[str]:
    """The command of one of several processes; the token goes by its environment."""
    words = [sys.executable, "-m", "lamina", "serve", *models]
    for field in dataclasses.fields(settings):
        value: Any = getattr(settings, field.name)
        if field.name == "token" or value is False:
            continue
        words.append(f"--{field.name}" if value is True else f"--{field.name}={value}")
    return words


def _tell(address: str, sources: list[Source], settings: ServeSettings, as_json: bool) -> None:
    """Say where the models can be asked."""
    models = [{"name": one.name, "version": one.version} for one in sources]
    if as_json:
        print_json({"address": address, "models": models})
    else:
        # A link that opens the page, for a person's eyes; what is kept elsewhere should not hold the token.
        hash = f"/#token={quote(settings.token, safe='')}" if settings.token and sys.stdout.isatty() else ""
        for place, one in enumerate(sources):
            first = f"{address}{hash}" if place == 0 else " " * len(f"{address}{hash}")
            print(f"{first}  {one.name} version {one.version}")
        print("page /  schema /docs  metrics /metrics  ·  Ctrl-C ends it")
    sys.stdout.flush()


command = Command(
    "Serve models over HTTP: rows as JSON, the Open Inference Protocol and MLflow's form, with a page to try them on. "
    "SIGTERM ends it when everything is answered, SIGHUP opens the models again.",
    "MODEL...",
    _add_arguments,
    _run,
    "lamina serve runs/diagnosis-1 --port 8000",
)
