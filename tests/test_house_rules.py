"""The house rules that no linter knows, held over the syntax tree of every file."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parent.parent
PRODUCT, TESTS = ("app", "migrations"), ("tests",)
FUNCTION_LINES, FILE_LINES = 50, 400
# Named for no act or thing: what lies in them belongs somewhere else.
NAMELESS = {"utils", "util", "helpers", "helper", "manager", "service", "services", "base", "common", "misc"}
LEFTOVER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|HA" + r"CK|NotImplemented" + r"Error)\b")
SUPPRESSION = re.compile(r"# *(noqa|type: *ignore|nosec|pragma)\b")
WITH_REASON = re.compile(r"# *(noqa: [A-Z0-9, ]+|type: *ignore\[[a-z, -]+\]|pragma: [a-z ]+) +(-|#) *\w{2}")
UNBINDABLE = ("PRAGMA ", "BEGIN ")  # SQLite takes no bound value in these
SQL_CALLS = {"text", "execute", "exec_driver_sql", "executemany", "executescript"}


def sources(*folders: str) -> Iterator[tuple[Path, str, ast.Module]]:
    """(path, text, tree) of every Python file below these folders."""
    return chain.from_iterable(map(below, folders))


@cache
def below(folder: str) -> tuple[tuple[Path, str, ast.Module], ...]:
    texts = [(path.relative_to(ROOT), path.read_text("utf-8")) for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple((path, text, ast.parse(text)) for path, text in texts)


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def matching_lines(pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    for path, text, _tree in sources(*PRODUCT, *TESTS):
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                yield f"{path}:{number}", line


def is_put_together(node: ast.expr) -> bool:
    """A string made of parts at run time: f"…{x}", "…" + x, "…" % x, "…".format(x)."""
    if isinstance(node, ast.JoinedStr):
        start = node.values[0].value if isinstance(node.values[0], ast.Constant) else ""
        return not str(start).startswith(UNBINDABLE)
    if isinstance(node, ast.BinOp):
        sides = (node.left, node.right)
        return any(isinstance(side, ast.JoinedStr | ast.Constant | ast.BinOp) for side in sides)
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr == "format" and isinstance(called.value, ast.Constant)


def called_name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def test_no_function_is_longer_than_fifty_lines() -> None:
    sizes = [
        (f"{path}:{function.lineno} {function.name}", (function.end_lineno or 0) - function.lineno + 1)
        for path, _text, tree in sources(*PRODUCT)
        for function in functions(tree)
    ]
    assert [(where, size) for where, size in sizes if size > FUNCTION_LINES] == []


def test_no_file_is_longer_than_four_hundred_lines() -> None:
    # A migration is generated, and lists every column once.
    sizes = [(str(path), len(text.splitlines())) for path, text, _tree in sources("app")]
    assert [(where, size) for where, size in sizes if size > FILE_LINES] == []


def test_every_file_is_named_for_what_it_holds() -> None:
    assert [str(path) for path, _text, _tree in sources(*PRODUCT, *TESTS) if path.stem in NAMELESS] == []


def test_nothing_is_left_for_later() -> None:
    assert [where for where, _line in matching_lines(LEFTOVER)] == []


def test_every_suppression_has_its_reason_beside_it() -> None:
    assert [where for where, line in matching_lines(SUPPRESSION) if not WITH_REASON.search(line)] == []


def test_no_sql_is_put_together_from_strings() -> None:
    found = [
        f"{path}:{call.lineno}"
        for path, _text, tree in sources(*PRODUCT)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and called_name(call) in SQL_CALLS and any(map(is_put_together, call.args))
    ]
    assert found == []


def test_every_module_says_in_one_sentence_what_it_is() -> None:
    wrong = []
    for path, _text, tree in sources(*PRODUCT, *TESTS):
        said = " ".join((ast.get_docstring(tree) or "").split())
        one_sentence = said.endswith(".") and not re.search(r"[.!?] [A-Z]", said)
        if tree.body and not one_sentence:
            wrong.append(str(path))
    assert wrong == []


def test_only_config_reads_the_environment() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, _text, tree in sources("app")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and path.name != "config.py"
    ]
    assert found == []


def test_the_rules_notice_what_they_forbid() -> None:
    sql = [
        'text(f"DROP {t}")',
        'run.execute("SELECT " + x)',
        'execute("SELECT %s" % x)',
        'text("{}".format(x))',
    ]
    calls = [ast.parse(source, mode="eval").body for source in sql]
    assert all(isinstance(call, ast.Call) and is_put_together(call.args[0]) for call in calls)
    assert not is_put_together(ast.parse('"SELECT 1"', mode="eval").body)
    assert not is_put_together(ast.parse('f"BEGIN {mode}"', mode="eval").body)
    bare = "x = 1  # no" + "qa: S101"
    assert SUPPRESSION.search(bare)
    assert not WITH_REASON.search(bare)
    assert WITH_REASON.search(bare + " - because")
    assert LEFTOVER.search("# TO" + "DO later")
