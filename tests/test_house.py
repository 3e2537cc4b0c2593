"""The rules of the house that a machine can hold: who imports whom, what never stands in the code, what every name has.

Each rule is a plain function from a syntax tree to faults, and is itself tried on a line that breaks it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import lamina

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "lamina"

# The house from the ground up. A part may import only what stands before it in this list, and itself.
ORDER = [
    *("errors", "config", "names", "extras", "files"),
    *("codecs", "features", "data", "runtime", "nn", "backbones", "decoders", "decoding", "chatting", "models"),
    *("transfer", "augment"),
    *("tasks", "pretext", "training", "runs", "evaluation"),
    *("explain", "fairness", "privacy", "robustness", "compress", "exporting", "monitor"),
    *("report", "serve", "recipes"),
    *("plan", "pipeline", "run", "api", "estimators", "testing", "cli", "studio", "__main__"),
]

MODULES = {
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(SOURCE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}
EVERY_MODULE = pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])


# --- who imports whom ---------------------------------------------------------------------------------------------


def imports(tree: ast.Module, package: str) -> Iterator[str]:
    """Dotted names that a module imports anywhere, in functions too; relative ones start from ``package``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def imports_by_name(tree: ast.Module) -> Iterator[str]:
    """Modules that stand in text, as in name tables: ``"lamina.models.mlp:MLP"``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = re.fullmatch(r"(lamina(?:\.\w+)+)(?::\w+)?", node.value)
            if found:
                yield found[1]


def package_of(name: str) -> str:
    return name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]


def ours(name: str, *, by_name: bool = False) -> set[str]:
    """The modules of this package that a module imports."""
    found = set(imports(TREES[name], package_of(name)))
    if by_name:
        found |= set(imports_by_name(TREES[name]))
    # `from lamina.training import checkpoint` is a use of that module, not of everything in the package's __init__.
    found = {other for other in found if other in MODULES}
    return {other for other in found if not any(deeper.startswith(other + ".") for deeper in found)} - {name}


def part(name: str) -> str:
    return name.split(".")[1]


def test_every_part_has_its_place_in_the_order() -> None:
    parts = {part(name) for name in MODULES if name != "lamina"}
    assert parts <= set(ORDER), f"say in ORDER where {parts - set(ORDER)} stand"


@EVERY_MODULE
def test_imports_go_only_down(name: str) -> None:
    if name == "lamina":
        return  # it names the public objects' homes, and imports them when they are asked for
    upwards = [
        other
        for other in ours(name, by_name=True)
        if other != "lamina" and ORDER.index(part(other)) > ORDER.index(part(name))
    ]
    assert not upwards, f"{name} may not import {upwards}"


def test_the_package_itself_imports_nothing_of_its_own() -> None:
    assert ours("lamina") == set()


def test_no_module_cycles() -> None:
    try:
        TopologicalSorter({name: ours(name) for name in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other: {' -> '.join(error.args[1])}")


def test_imports_are_found_wherever_they_stand() -> None:
    tree = ast.parse("import a.b\ndef f():\n    from .c import d\n    from ..e import f\n    from . import g\n")
    assert {"a.b", "lamina.x.c", "lamina.e", "lamina.x.g"} <= set(imports(tree, "lamina.x"))
    assert list(imports_by_name(ast.parse("T = {'mlp': 'lamina.models.mlp:MLP', 'b': 'a lamina.models'}"))) == [
        "lamina.models.mlp"
    ]


def test_only_declared_dependencies_are_imported() -> None:
    """Anything else is optional, and asked for through ``lamina.extras.need``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=!~ \[]", line)[0].lower() for line in project["dependencies"]}
    known = names | {"yaml", "sklearn", "scipy"}  # as pyyaml and scikit-learn call what they bring
    for name, tree in TREES.items():
        tops = {found.partition(".")[0] for found in imports(tree, package_of(name))} - {"lamina", ""}
        unknown = tops - known - set(sys.stdlib_module_names)
        assert not unknown, f"{name} imports {unknown}, which are not dependencies"


# --- what never stands in the code --------------------------------------------------------------------------------

# Modules that make objects from bytes by running code, or send such bytes between processes; and calls that do.
CODE_IN_BYTES = {
    *("pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "multiprocessing"),
    *("torch.load", "torch.save", "yaml.unsafe_load", "yaml.full_load", "eval", "exec"),
}
CODE_IN_BYTES_METHODS = {"read_pickle", "to_pickle", "ProcessPoolExecutor"}


def code_in_bytes(tree: ast.Module) -> Iterator[str]:
    """Call sites and imports through which reading a file could run code."""
    for found in imports(tree, "lamina"):
        if found.partition(".")[0] in CODE_IN_BYTES:
            yield f"import {found}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            allowed = [
                word for word in node.keywords if word.arg == "allow_pickle" and ast.unparse(word.value) != "False"
            ]
            if called in CODE_IN_BYTES or called.rpartition(".")[2] in CODE_IN_BYTES_METHODS or allowed:
                yield f"{called} in line {node.lineno}"


def silenced(tree: ast.Module) -> Iterator[str]:
    """Places where an error vanishes without a word."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and (node.type is None or all(map(is_idle, node.body))):
            yield f"except in line {node.lineno}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "suppress":
            broad = {ast.unparse(argument) for argument in node.args} & {"Exception", "BaseException"}
            yield from (f"suppress({name}) in line {node.lineno}" for name in broad)


def is_idle(line: ast.stmt) -> bool:
    return isinstance(line, ast.Pass) or (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))


@EVERY_MODULE
def test_no_pickle_and_no_code_in_data(name: str) -> None:
    assert list(code_in_bytes(TREES[name])) == []


def test_no_pickle_beside_the_package_either() -> None:
    files = [path for folder in ("tests", "benchmarks", "scripts") for path in (ROOT / folder).rglob("*.py")]
    found = {path.name: list(code_in_bytes(ast.parse(path.read_text(encoding="utf-8")))) for path in files}
    assert {name: faults for name, faults in found.items() if faults} == {}


@EVERY_MODULE
def test_no_error_is_silenced(name: str) -> None:
    assert list(silenced(TREES[name])) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from dill import loads",
        "def f():\n    import shelve",
        "from multiprocessing.pool import Pool",
        "torch.load(path)",
        "torch.save(x, path)",
        "np.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=given)",
        "frame.to_pickle(path)",
        "eval(text)",
        "concurrent.futures.ProcessPoolExecutor()",
    ],
)
def test_code_in_bytes_is_found(line: str) -> None:
    assert list(code_in_bytes(ast.parse(line)))


@pytest.mark.parametrize(
    "line", ["np.load(path, allow_pickle=False)", "np.load(path)", "model.eval()", "json.load(file)"]
)
def test_plain_data_is_allowed(line: str) -> None:
    assert not list(code_in_bytes(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    ["try:\n    f()\nexcept OSError:\n    pass", "try:\n    f()\nexcept:\n    raise", "with suppress(Exception): f()"],
)
def test_silence_is_found(line: str) -> None:
    assert list(silenced(ast.parse(line)))


def tracked() -> list[Path]:
    """Files that git tracks or would; in a copy without git, those of the package and its tests."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (ROOT / ".git").exists():
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        names = [ROOT / name for name in done.stdout.split("\0") if name]
    else:
        names = [path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py")]
    return [path for path in names if path.is_file()]


MACHINE_PATH = re.compile(rb"(?<![\w.$}>~:*-])/(?:tmp|root|work|home)(?![\w.-])")


def test_no_path_of_one_machine() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {match[0].decode()}"
        for path in tracked()
        if path.name != Path(__file__).name
        for match in MACHINE_PATH.finditer(path.read_bytes())
    }
    assert found == set()


def test_a_path_of_one_machine_is_found() -> None:
    assert all(MACHINE_PATH.search(line) for line in (b'open("/tmp/a")', b"cd /root", b"/work/main", b"(/home/me)"))
    assert not any(MACHINE_PATH.search(line) for line in (b".github/workflows", b"https://a.org/root", b"tests/tmp/a"))


# --- what every name has ------------------------------------------------------------------------------------------


def is_public(name: str) -> bool:
    return not name.startswith("_")


@EVERY_MODULE
def test_all_is_there_and_true(name: str) -> None:
    things = [node.name for node in TREES[name].body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    module = importlib.import_module(name)
    listed = getattr(module, "__all__", None)
    if listed is None:
        assert len(TREES[name].body) == 1, f"{name} defines something, and has no __all__"
        return
    assert sorted(set(listed)) == sorted(listed), "a name stands twice"
    assert [one for one in listed if not hasattr(module, one)] == []
    unlisted = {thing for thing in things if is_public(thing)} - set(listed)
    assert not unlisted, "a name is either public and listed, or starts with an underscore"


@EVERY_MODULE
def test_every_module_says_what_it_is_for(name: str) -> None:
    assert ast.get_docstring(TREES[name])


def public_functions(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Public functions and methods by qualified name; those inside functions are nobody else's business."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and is_public(node.name):
            yield f"{owner}{node.name}", node
        elif isinstance(node, ast.ClassDef) and is_public(node.name):
            yield from public_functions(node.body, f"{owner}{node.name}.")


@EVERY_MODULE
def test_every_public_function_says_what_it_returns(name: str) -> None:
    untyped = [label for label, node in public_functions(TREES[name].body) if node.returns is None]
    assert untyped == []


@EVERY_MODULE
def test_everything_public_is_documented(name: str) -> None:
    """A method that fills in one of its base class may leave the words to it."""
    module = importlib.import_module(name)
    classes = [node.name for node in TREES[name].body if isinstance(node, ast.ClassDef) and is_public(node.name)]
    bare = [label for label in classes if not vars(module)[label].__doc__]
    for label, _ in public_functions(TREES[name].body):
        thing: object = module
        for step in label.split("."):
            thing = getattr(thing, step)
        if not inspect.getdoc(thing):
            bare.append(label)
    assert bare == []


# --- the front door -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", lamina.__all__)
def test_public_names_are_there(name: str) -> None:
    assert getattr(lamina, name) is not None
    assert name in dir(lamina)


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'lamina' has no attribute 'trian'"):
        lamina.trian  # noqa: B018


def test_import_is_light() -> None:
    """No heavy package is imported, and it takes a moment: the best of a few, since the machine may be busy."""
    code = (
        "import time, sys; start = time.perf_counter(); import lamina; print(time.perf_counter() - start);"
        "print([name for name in ('torch', 'polars', 'numpy', 'sklearn', 'pyarrow') if name in sys.modules])"
    )
    found = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
        for _ in range(3)
    ]
    assert found[0][1] == "[]"
    assert min(float(seconds) for seconds, _ in found) < 0.3
