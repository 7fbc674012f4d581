"""The house rules that no other tool checks, for every file of the repository."""

import ast
import hashlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINES_AT_MOST = 400
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc", "tools"}
MAY_PRINT = ("services/console/", "demo/")
MODULES_OF_A_SERVICE = {
    "__init__",
    "__main__",
    "settings",
    "handlers",
    "store",
    "domain",
    "courier",
    "poller",
    "clients",
    "texts",
    "documents",
    "web",
}
DOMAIN_MAY_IMPORT = ("shared.money", "shared.ids", "shared.legible", "shared.contracts", "shared.messaging.outcomes")
# By their SHA-256: what this file forbids it does not name either.
REGISTRY_DOMAINS = {
    "a4aa2ac280bb8d1a0ce7a1be5a7bfb10292b49fe9435ad5cff19f421f3c70e41",
    "8b5bb5eb9d758455b8635855cf8aaf05b68775e3f83f0291e800ef338fb9783c",
    "8743857e3ea00fd1c64bbc68b8af241954ad2c285e7a60340eec7ea5dcb200db",
    "3ca29e55be4befa48f875d24c27f9bed32fe06588819ed6264084b6670a1ebb0",
}
DOMAIN_NAMES = re.compile(r"(?=\b([a-z0-9-]+\.[a-z]{2,}))")
MACHINE_PATHS = re.compile(r"(?<![\w.$}])/(home|root|Users|work)/\w")


def tracked_files() -> list[Path]:
    """What git knows of, and what it would take in."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in sorted(set(listed)) if (ROOT / name).is_file()]


FILES = tracked_files()
TEXTS = [path for path in FILES if path.suffix not in {".png", ".pdf", ".ico", ".svg", ".woff2"}]
PYTHON = [path for path in FILES if path.suffix == ".py"]
# All that runs in a worker, but for the one place that makes ids at an instant that it is given. What the log says of
# the time is for people to read.
WORKERS = [
    path
    for path in PYTHON
    if re.match(r"(services/(?!console/)|shared/(?!ids\.py))", path.relative_to(ROOT).as_posix())
]
PYTHON_S_CLOCKS = {
    *("now", "utcnow", "today", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
    *("time.time", "time.time_ns", "uuid7", "uuid_utils.uuid7"),
}
DOMAINS = [path for path in PYTHON if re.match(r"services/\w+/domain(/|\.py$)", path.relative_to(ROOT).as_posix())]


def each(paths: list[Path]) -> Callable[[Callable[[Path], None]], Callable[[], None]]:
    """One test a rule, which names every file that breaks it."""

    def test_of(rule: Callable[[Path], None]) -> Callable[[], None]:
        def test() -> None:
            assert paths
            broken = [f"{_name(path)}: {fault}" for path in paths if (fault := _fault(rule, path))]
            assert not broken, "\n".join(broken)

        return test

    return test_of


def _fault(rule: Callable[[Path], None], path: Path) -> str | None:
    try:
        rule(path)
    except AssertionError as fault:
        return str(fault)
    return None


@each(PYTHON)
def test_a_file_is_short_enough_to_read(path: Path) -> None:
    assert len(_text(path).splitlines()) <= LINES_AT_MOST, (
        f"split it by what it is about: {LINES_AT_MOST} lines at most"
    )


@each(PYTHON)
def test_a_name_says_what_is_inside(path: Path) -> None:
    vague = {part.removesuffix(".py") for part in path.relative_to(ROOT).parts} & VAGUE_NAMES
    assert not vague, "a name that says what is inside, please"


@each(TEXTS)
def test_no_host_of_a_registry_and_no_path_of_a_machine(path: Path) -> None:
    for number, line in enumerate(_text(path).splitlines(), 1):
        assert not _domains_in(line) & REGISTRY_DOMAINS, f"line {number}: packages come from wherever the machine says"
        assert not MACHINE_PATHS.search(line), f"line {number}: a path that other machines do not have"


def test_a_host_is_recognised_wherever_it_stands() -> None:
    for line in ("fetched from https://registry.example.org/x", '"EXAMPLE.ORG"'):
        assert _digest("example.org") in _domains_in(line)


# What is skipped counts as passed. What a test needs is installed, or it fails and says what is missing; so the rule
# names the ways to skip, as the only file that may.
@each(PYTHON)
def test_nothing_of_ours_is_mocked_or_skipped(path: Path) -> None:
    for node in _nodes(path):
        assert "mock" not in {part for name in _imported(node) for part in name.split(".")}, _at(node, "a mock")
        assert _called(node) not in {"pytest.skip", "pytest.importorskip"}, _at(node, "a test that skips itself")
        name = _dotted(node)
        assert name not in {"pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}, _at(node, name)


@each(PYTHON)
def test_nobody_sleeps_prints_or_swallows(path: Path) -> None:
    for node in _nodes(path):
        assert _called(node) != "time.sleep", _at(node, "a sleep that nothing can interrupt")
        may_print = _name(path).startswith((*MAY_PRINT, "tests/"))
        assert may_print or _called(node) != "print", _at(node, "print; the log is for that")
        if isinstance(node, ast.ExceptHandler):
            assert not _swallows_everything(node), _at(node, "an error that nobody will hear of")


@each(DOMAINS)
def test_the_domain_knows_nothing_but_the_business(path: Path) -> None:
    own = ".".join(path.relative_to(ROOT).parts[:3]).removesuffix(".py")
    allowed = (*DOMAIN_MAY_IMPORT, own)
    for node in _nodes(path):
        for name in _imported(node):
            known = name.split(".")[0] in sys.stdlib_module_names
            assert known or any(_is_in(name, part) for part in allowed), _at(node, f"the domain imports {name}")
        assert _called(node) not in {"datetime.now", "date.today", "uuid4", "uuid.uuid4", "random.random"}, _at(
            node, "the time and new ids are handed in"
        )


@each(WORKERS)
def test_a_worker_asks_no_clock_but_the_database_s(path: Path) -> None:
    for node in _nodes(path):
        assert _called(node).removeprefix("datetime.") not in PYTHON_S_CLOCKS, _at(node, "the clock of this machine")
        assert not {"time.time", "time.time_ns"} & set(_imported(node)), _at(node, "the clock of this machine")
        if _called(node) == "new_id" and isinstance(node, ast.Call):
            assert node.args, _at(node, "an id made by the clock of this machine")


def test_services_have_the_files_that_services_have() -> None:
    services = [path.parent for path in (ROOT / "services").glob("*/handlers.py")]
    for service in services:
        found = {path.stem for path in service.glob("*.py")} | {
            path.parent.name for path in service.glob("*/__init__.py")
        }
        assert found <= MODULES_OF_A_SERVICE, f"{service.name}: a new kind of file is a decision, taken in this test"


def _swallows_everything(handler: ast.ExceptHandler) -> bool:
    everything = handler.type is None or ast.unparse(handler.type) in {"Exception", "BaseException"}
    return everything and all(isinstance(statement, ast.Pass | ast.Continue) for statement in handler.body)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _called(node: ast.AST) -> str:
    return _dotted(node.func) if isinstance(node, ast.Call) else ""


def _dotted(node: ast.AST) -> str:
    """A name with dots in it, or nothing: quicker than writing out any expression there is."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _at(node: ast.AST, what: str) -> str:
    return f"line {getattr(node, 'lineno', '?')}: {what}"


def _domains_in(line: str) -> set[str]:
    return {_digest(domain) for domain in DOMAIN_NAMES.findall(line.lower())}


@cache
def _digest(domain: str) -> str:
    return hashlib.sha256(domain.encode()).hexdigest()


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(_text(path))))
