"""The rules of the code that a machine keeps: what the core may use, and how big things may be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
UTILS = CHECKOUT / "plugins" / "module_utils"
CORE = UTILS / "iact_maintenance"
CORE_FILES = sorted(CORE.rglob("*.py"))
MODULES = sorted((CHECKOUT / "plugins" / "modules").glob("[a-z]*.py"))
PRODUCT_FILES = [*CORE_FILES, *sorted(UTILS.glob("*.py")), *MODULES]
PYTHON_FILES = [
    path
    for folder in ("plugins", "tests", "molecule")
    for path in sorted((CHECKOUT / folder).rglob("*.py"))
    # ansible-test keeps its own files, which are not ours, in tests/output.
    if not {"fixtures", "output"}.intersection(path.relative_to(CHECKOUT).parts)
]
FORBIDDEN_MODULES = {"ansible", "ansible_collections", "importlib", "pkgutil", "tomllib"}
FORBIDDEN_CALLS = {"print", "exit", "quit", "eval", "exec", "sys.exit", "os.system", "os.popen"}
MAXIMUM_FUNCTION_LINES = 40
MAXIMUM_FILE_LINES = 350
MAXIMUM_PARAMETERS = 6
MAXIMUM_MODULE_CODE_LINES = 80
MAXIMUM_MAIN_LINES = 25
# The rooms of the core from top to bottom.
LAYERS = [
    *("cli", "jobs", "checks", "repositories", "archive", "dumps", "sessions", "django", "provisioning", "engines"),
    *("history", "identity", "config_file", "account", "guards", "state", "timeouts", "host", "processes", "files"),
    "permissions",
    *("settings", "sections", "values", "schedule", "tar", "timestamps", "formatting"),
    *("report", "secret", "limits", "errors", "about"),
]

# The rooms that take every engine from a table, and the engines.
ENGINELESS = ("cli", "jobs", "repositories", "archive", "identity", "history")
ENGINES = ("mysql", "postgresql", "sqlite", "logs")
# Words that name nothing: a value is called by what it is.
NO_NAMES = {"found", "said", "own", "gone", "tell", "patience", "faces", "face", "place_of"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    """Return a file's name as a failed test shows it."""
    return str(path.relative_to(CHECKOUT))


def tree_of(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions(tree: ast.AST) -> Iterator[Function]:
    """Return every function and method, also those within others."""
    return (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def imports(tree: ast.AST) -> Iterator[tuple[int, int, str]]:
    """Return each import's line, level (0 is absolute) and module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, 0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.level, node.module or ""


def public_names(tree: ast.Module) -> Iterator[Function]:
    """Return the functions of a file and the methods of its classes that others may call."""
    holders = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_"))]
    for holder in holders:
        for node in holder.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
                yield node


def test_there_is_a_core_to_look_at():
    assert len(CORE_FILES) > 1


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_the_core_imports_neither_ansible_nor_what_does_not_travel(path):
    found = [f"line {line}: {module}" for line, level, module in imports(tree_of(path)) if level == 0
             if module.split(".")[0] in FORBIDDEN_MODULES]  # fmt: skip
    assert not found


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_no_relative_import_leaves_the_package(path):
    depth = len(path.relative_to(CORE).parts)
    assert not [
        f"line {line}: {'.' * level}{module}" for line, level, module in imports(tree_of(path)) if level > depth
    ]


def room_of(path: str) -> str:
    """Return the package, or the file at the core's top, that a path below the core belongs to."""
    return path.split("/", maxsplit=1)[0].removesuffix(".py")


def imported_files(path: Path) -> Iterator[str]:
    """Return what a core file imports from the core, as paths below it without their ending."""
    folder = path.relative_to(CORE).parent.parts
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = folder[: len(folder) - node.level + 1]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ("/".join([*base, *name.split(".")]) for name in names)


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_an_import_goes_down_the_layers_or_stays_in_its_room(path):
    own = room_of(str(path.relative_to(CORE)))
    upward = [
        each
        for each in imported_files(path)
        if room_of(each) != own and LAYERS.index(room_of(each)) < LAYERS.index(own)
    ]
    assert own in {*LAYERS, "__init__"}
    assert not upward


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_the_core_calls_nothing_that_prints_ends_or_asks_a_shell(path):
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Assert):
            found.append(f"line {node.lineno}: assert")
        if isinstance(node, ast.Call):
            shells = [keyword for keyword in node.keywords if keyword.arg == "shell"]
            if shells or ast.unparse(node.func) in FORBIDDEN_CALLS:
                found.append(f"line {node.lineno}: {ast.unparse(node)[:60]}")
    assert not found


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_nothing_calls_strptime_whose_first_call_imports_after_the_change_of_the_account(path):
    used = [
        node.lineno for node in ast.walk(tree_of(path)) if isinstance(node, ast.Attribute) and node.attr == "strptime"
    ]
    assert not used


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_a_record_that_never_changes_is_a_named_tuple_which_a_start_makes_five_times_as_fast(path):
    frozen = [
        keyword.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "dataclass"
        for keyword in node.keywords
    ]
    assert not frozen


@pytest.mark.parametrize("path", PRODUCT_FILES, ids=name_of)
def test_no_line_upsets_the_sanity_of_a_host(path):
    """No word `urlopen`, and annotations that Python 3.9 never evaluates."""
    text = path.read_text(encoding="utf-8")
    assert "urlopen" not in text
    if path.name == "__init__.py":
        assert not text
    else:
        assert "from __future__ import annotations\n" in text


def test_the_version_is_the_collection_s():
    from ansible_collections.iact.maintenance.plugins.module_utils.iact_maintenance import about

    galaxy = (CHECKOUT / "galaxy.yml").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", galaxy, re.MULTILINE).group(1) == about.VERSION


@pytest.mark.parametrize("path", PRODUCT_FILES, ids=name_of)
def test_a_function_fits_on_a_screen_and_takes_few_parameters(path):
    found = []
    for function in functions(tree_of(path)):
        lines = function.end_lineno - function.lineno + 1
        if lines > MAXIMUM_FUNCTION_LINES:
            found.append(f"{function.name}: {lines} lines")
        given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        parameters = [argument.arg for argument in given if argument.arg not in ("self", "cls")]
        if len(parameters) > MAXIMUM_PARAMETERS:
            found.append(f"{function.name}: {len(parameters)} parameters")
    assert not found


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_a_core_file_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAXIMUM_FILE_LINES


@pytest.mark.parametrize("path", [path for path in CORE_FILES if path.name != "__init__.py"], ids=name_of)
def test_everything_public_says_what_it_gives(path):
    tree = tree_of(path)
    missing = [function.name for function in public_names(tree) if not ast.get_docstring(function)]
    assert ast.get_docstring(tree), "the file itself"
    assert not missing


@pytest.mark.parametrize("path", [*MODULES, UTILS / "_module.py"], ids=name_of)
def test_g101_the_python_of_the_host_is_judged_before_the_core_is_imported(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    ours = [number for number, line in enumerate(lines) if "plugins.module_utils.iact_maintenance" in line]
    guard = [number for number, line in enumerate(lines) if re.search(r"\b_(python|module)\b(?!\.)", line)]
    assert guard and (not ours or guard[0] < ours[0])


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_only_translates(path):
    tree = tree_of(path)
    texts = [node for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)]
    documentation = {number for node in texts for number in range(node.lineno, node.end_lineno + 1)}
    lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    code = [line for number, line in lines if number not in documentation and line.strip() and line.strip()[0] != "#"]
    assert len(code) <= MAXIMUM_MODULE_CODE_LINES
    (main,) = [function for function in functions(tree) if function.name == "main"]
    assert main.end_lineno - main.lineno + 1 <= MAXIMUM_MAIN_LINES


@pytest.mark.parametrize("path", PYTHON_FILES, ids=name_of)
def test_no_variable_is_called_by_an_underline_alone(path):
    """Refuse the name early, since the sanity tests take long to refuse it; call it what it is, or `_unused`."""
    names = [(node.lineno, node.id) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Name)]
    assert not [line for line, name in names if name == "_"]


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_g05_a_finding_names_its_subject_by_keyword(path):
    """Three texts in a row are soon confused, so subject, message and hint are given by name."""
    wrong = [
        node.lineno
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding"
        if len(node.args) != 2 or "subject" not in {keyword.arg for keyword in node.keywords}
    ]
    assert not wrong


@pytest.mark.parametrize(
    "path", [path for path in CORE_FILES if room_of(str(path.relative_to(CORE))) in ENGINELESS], ids=name_of
)
def test_what_decides_knows_no_engine_by_its_name(path):
    """Keep engines in the tables of `dumps` and `engines`, so that a new one is a row there."""
    constants = [(node.lineno, node.value) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Constant)]
    assert not [line for line, value in constants if value in ENGINES]


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_a_name_says_what_it_names(path):
    names = {
        getattr(node, field).lstrip("_")
        for node in ast.walk(tree_of(path))
        for field in ("id", "arg", "attr", "name")
        if isinstance(getattr(node, field, None), str)
    }
    assert not names & NO_NAMES


RIDDLES = re.compile(
    r"see whether|look at|look there|nobody|somebody|\bmend\b|comes to|is worth|\blies? in\b|\bstands\b|went away"
    r"|cannot be told|broke off|may not|gave no byte|read along",
    re.IGNORECASE,
)


@pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
def test_g111_no_message_uses_a_phrase_that_must_be_read_twice(path):
    tree = tree_of(path)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    odd = [f"line {node.lineno}: {node.value}" for node in texts if RIDDLES.search(node.value)]
    assert [line for line in odd if line.partition(": ")[2] not in docstrings] == []


@pytest.mark.parametrize(
    "path", [path for path in CORE_FILES if path.name not in ("files.py", "host.py", "terminal.py")], ids=name_of
)
def test_a_file_is_opened_by_its_descriptor_in_one_place(path):
    """Keep the flags of a safe opening in `files.py`; locks and standard streams have their own."""
    calls = [ast.unparse(node.func) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    assert "os.open" not in calls
