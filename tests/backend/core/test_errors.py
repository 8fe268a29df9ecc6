"""The tree of errors: two parts, and types to decide by."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import pytest

from podplane_tui import backend
from podplane_tui.backend.core import errors
from podplane_tui.backend.core.errors import CommandFailed, VMError
from tests.paths import ROOT


def kinds(kind: type[VMError] = VMError) -> Iterator[type[VMError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from kinds(child)


def made(kind: type[VMError], problem: str, hint: str) -> VMError:
    return kind(problem, exit_code=3, hint=hint) if issubclass(kind, CommandFailed) else kind(problem, hint=hint)


@pytest.mark.parametrize("kind", list(dict.fromkeys(kinds())))
def test_an_error_has_two_parts_and_tells_both(kind: type[VMError]) -> None:
    error = made(kind, "no port 70000", "use 1 to 65535")
    assert (error.problem, error.hint) == ("no port 70000", "use 1 to 65535")
    assert str(error) == "no port 70000: use 1 to 65535"
    assert str(made(kind, "alone", "")) == "alone"
    assert str(made(kind, "start: no disk", "create it")) == "start: no disk; create it"


def test_errors_of_use_to_scripts_are_public() -> None:
    ours = {kind.__name__ for kind in kinds() if kind.__module__ == errors.__name__}
    assert ours <= set(backend.__all__)


def looks_into_words(node: ast.AST) -> bool:
    """Whether `node` compares the words of an error, or takes them apart."""
    told: ast.AST | None = None
    if isinstance(node, ast.Compare):
        told = node.comparators[0]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        parts = {"replace", "partition", "rpartition", "split", "startswith", "endswith", "removeprefix"}
        told = node.func.value if node.func.attr in parts else None
    return told is not None and ast.unparse(told) in {"str(error)", "str(err)", "str(exc)"}


@pytest.mark.slow
def test_nobody_decides_by_the_words_of_an_error() -> None:
    found = {
        f"{file.relative_to(ROOT)}: {ast.unparse(node)}"
        for file in (ROOT / "podplane_tui").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if looks_into_words(node)
    }
    assert found == {
        # watchfiles has one type for all that can go wrong, and no other sign of a name that is not UTF-8.
        "podplane_tui/backend/vm/watch.py: 'decode path' not in str(error)",
    }


ERRORS = frozenset(kind.__name__ for kind in kinds() if kind.__module__ == errors.__name__)

UNHELPED = {
    "backend/ssh/client.py: run, CommandFailed": "a command of the user's own has failed, and says why itself",
    "backend/vm/manager.py: stop, NotRunning": "what the user wants is so already",
    "tui/actions/configure.py: _snapshot, VMError": "a bug of ours",
    "tui/actions/confirm.py: _ask_repair, VMError": "the problem is made of what is left to the user to do",
}
"""The errors without a hint, and why there is nothing that a user could do."""

STATING = re.compile(
    r"\b(is|are|was|were|has|have|can't|could|did|does|no|invalid|unknown|mismatch|answers|begins|closed|ended|exited|failed"
    r"|names|needs|opens|refused|refuses|sends|stopped|succeeded)\b|{problem}"
)
"""Every problem has one of these words, or another problem in it, for a noun and a value alone say nothing."""

ADVISING = re.compile(
    r"(allow|ask|begin|boot|check|choose|convert|copy|correct|create|delete|disconnect|download|edit|end|give|install"
    r"|keep|leave|let|list|make|move|name|open|put|raise|read|remove|repair|replace|restart|save|see|set|start|stop"
    r"|take|try|use|wait|watch|write)\b"
)
"""Every hint begins with one of these words: it advises, and what explains belongs in the problem."""


class Maker(NamedTuple):
    """How an error is made: which argument is its problem, and whether a hint has to be given as well."""

    problem: int
    hint: bool


class Site(NamedTuple):
    """A place where an error is made: the function around it, what is called, and the texts its parts may have.

    What is put into a text is `{}` there, or `{problem}` for that of another error. `hints` is None where the hint is
    not given there.
    """

    function: str
    kind: str
    problems: list[str]
    hints: list[str] | None


Function = ast.FunctionDef | ast.AsyncFunctionDef
Assigned = dict[str, list[ast.expr]]


def last_name(node: ast.expr) -> str:
    """`VMError` for `backend.VMError`; "" for what is no name."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def is_kind(node: ast.expr | None) -> bool:
    """Whether `node` is one class of errors, or either of two."""
    if isinstance(node, ast.IfExp):
        return is_kind(node.body) and is_kind(node.orelse)
    return node is not None and last_name(node) in ERRORS


def is_type_of_kind(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Subscript) and last_name(node.value) == "type" and is_kind(node.slice)


def makers_in(trees: Iterable[ast.AST]) -> dict[str, Maker]:
    """The classes, and the functions that are given the problem of the error that they make or raise."""
    makers = dict.fromkeys(ERRORS, Maker(0, hint=True))
    for function in (node for tree in trees for node in ast.walk(tree) if isinstance(node, Function)):
        names = [argument.arg for argument in function.args.args if argument.arg != "self"]
        kinds_taken = any(is_type_of_kind(argument.annotation) for argument in function.args.args)
        if "problem" in names and (kinds_taken or is_kind(function.returns)):
            hint = any(argument.arg == "hint" for argument in function.args.kwonlyargs)
            makers[function.name] = Maker(names.index("problem"), hint)
    return makers


def assigned_in(nodes: Iterable[ast.AST]) -> Assigned:
    """What each variable is set to, whenever that is."""
    found: Assigned = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                found.setdefault(last_name(target), []).append(node.value)
    return found


def texts(node: ast.expr, assigned: Assigned) -> list[str]:
    """The texts that `node` may give, with what is only known when it runs in braces."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=values):
            return ["".join(texts(each, {})[0] for each in values)]
        case ast.FormattedValue(value=ast.Attribute(attr="problem")):
            return ["{problem}"]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [a + b for a in texts(left, assigned) for b in texts(right, assigned)]
        case ast.IfExp(body=body, orelse=orelse):
            return texts(body, assigned) + texts(orelse, assigned)
        case ast.Name(id=name) if name in assigned:
            return [text for value in assigned[name] for text in texts(value, {})]
    return ["{}"]


def sites(scope: ast.AST, makers: Mapping[str, Maker], assigned: Assigned, function: str = "") -> Iterator[Site]:
    """Every place below `scope` where an error is made."""
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, Function):
            inside = assigned | assigned_in(ast.walk(node))
            held = [name for name, values in inside.items() if any(map(is_kind, values))]
            held += [each.arg for each in (*node.args.args, *node.args.kwonlyargs) if is_type_of_kind(each.annotation)]
            yield from sites(node, {**makers, **dict.fromkeys(held, Maker(0, hint=True))}, inside, node.name)
            continue
        if isinstance(node, ast.Call) and (maker := makers.get(kind := last_name(node.func))):
            hint = next((each.value for each in node.keywords if each.arg == "hint"), None)
            hints = ([""] if hint is None else texts(hint, assigned)) if maker.hint else None
            yield Site(function, kind, texts(node.args[maker.problem], assigned), hints)
        yield from sites(node, makers, assigned, function)


def complaints(site: Site) -> Iterator[str]:
    """What is wrong with the parts of an error, as far as it can be seen without making it."""
    for problem in site.problems:
        said = problem.replace("{}", "")  # where that is nothing, it is said elsewhere
        empty = not problem or (re.search(r"\w", said) and not STATING.search(said))
        if empty or re.fullmatch(r"\w+|[\w ]+ is {}", problem):
            yield f"the problem {problem!r} states nothing"
    for hint in site.hints or ():
        if not hint:
            yield "there is no hint"
        elif hint[0] != "{" and site.kind != "Cancelled" and not ADVISING.match(hint):
            yield f"the hint {hint!r} is no advice"
    yield from (f"{part!r} ends with a full stop" for part in (*site.problems, *(site.hints or ())) if part[-1:] == ".")


def complaints_in(tree: ast.Module, makers: Mapping[str, Maker]) -> dict[str, list[str]]:
    """What is wrong with the errors of a module, by where they are made. `makers` are those of other modules."""
    found: dict[str, list[str]] = {}
    module = assigned_in(statement for statement in tree.body if isinstance(statement, ast.Assign))
    for site in sites(tree, {**makers, **makers_in([tree])}, module):
        if wrong := list(complaints(site)):
            found.setdefault(f"{site.function}, {site.kind}", []).extend(wrong)
    return found


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("raise InvalidInput('invalid port')", "there is no hint"),
        ("raise backend.InvalidInput('invalid port', hint='')", "there is no hint"),
        ("raise InvalidInput('invalid port', hint='use 1' if x else '')", "there is no hint"),
        ("hint = ''\nraise InvalidInput('invalid port', hint=hint)", "there is no hint"),
        ("raise CommandFailed('it failed', exit_code=1)", "there is no hint"),
        ("def f(kind: type[VMError]):\n    raise kind('it failed')", "there is no hint"),
        ("def f():\n    kind = PortTaken if x else StartFailed\n    return kind('it failed')", "there is no hint"),
        ("def _made(problem, *, hint='') -> InvalidInput: ...\nraise _made('it failed')", "there is no hint"),
        ("raise InvalidInput('', hint='use 1')", "the problem '' states nothing"),
        ("raise InvalidInput(f'disk size {x!r}', hint='use 1')", "the problem 'disk size {}' states nothing"),
        ("raise InvalidInput(f'THIS is {x!r}', hint='use 1')", "the problem 'THIS is {}' states nothing"),
        ("with os_errors_as(StartFailed, f'the disk {x}'): ...", "the problem 'the disk {}' states nothing"),
        ("raise InvalidInput('it failed', hint='it may be old')", "the hint 'it may be old' is no advice"),
        ("raise InvalidInput('it failed.', hint='use 1')", "'it failed.' ends with a full stop"),
        ("raise InvalidInput('it failed', hint='use 1.')", "'use 1.' ends with a full stop"),
    ],
)
def test_what_an_error_lacks_is_found(source: str, complaint: str) -> None:
    helpers = makers_in([ast.parse((ROOT / "podplane_tui/backend/core/files.py").read_text())])
    assert list(complaints_in(ast.parse(source), helpers).values()) == [[complaint]]


@pytest.mark.parametrize(
    "source",
    [
        "raise InvalidInput(f'invalid port {x}', hint='use 1 to 65535')",
        "raise InvalidInput('the first line' + f' of {x} is broken', hint=advice(x))",
        "raise Cancelled('the copy was cancelled', hint='nothing was copied')",
        "raise ValueError('odd')",
    ],
)
def test_an_error_that_lacks_nothing_is_passed_over(source: str) -> None:
    assert complaints_in(ast.parse(source), {}) == {}


@pytest.mark.slow
def test_all_classes_of_errors_are_in_one_module() -> None:
    classes = {
        node.name: file.name
        for file in (ROOT / "podplane_tui").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef) and any(map(is_kind, node.bases))
    }
    assert set(classes.values()) == {"errors.py"}
    assert {*classes, "VMError"} == ERRORS


@pytest.mark.slow
def test_every_error_says_what_is_wrong_and_what_to_do() -> None:
    folder = ROOT / "podplane_tui"
    trees = {file.relative_to(folder): ast.parse(file.read_text()) for file in folder.rglob("*.py")}
    public = {name: maker for name, maker in makers_in(trees.values()).items() if not name.startswith("_")}
    found = {
        f"{file}: {place}": wrong
        for file, tree in trees.items()
        for place, wrong in complaints_in(tree, public).items()
    }
    assert found == {place: ["there is no hint"] for place in UNHELPED}
