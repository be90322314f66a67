"""Which promises of the house can a syntax tree prove? Each one is a rule here; `make check` runs them all.

Usage: python tools/lint_rules.py [REPOSITORY] prints findings as `path:line rule message`; any makes the exit status 1.
A line is excused by a comment that names the rule and the reason: `# lint: allow clock - an id's time is not a fact`.
An excuse without a reason, for an unknown rule, or that excuses nothing is itself a finding.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

PACKAGE = ("src", "bursar")
SOURCE_LINES, TEST_LINES = 400, 600
# The convergence test is one: whatever breaks a seed is told with it.
DOORS = frozenset({"server", "worker", "cli", "converge"})
EXACT_ROOMS = frozenset({"domain", "ports", "storage", "services", "importers"})
CLOCKLESS_ROOMS = frozenset({"domain", "services", "storage"})
NAMED_PROVIDER_ROOMS = frozenset({"providers", "importers", "sandbox"})
# What names a provider outside its folder, with the reason. A key is a module.
NAMED_PROVIDER_CODE = {
    "banking/selection.py": "which provider is meant when none is named is an order of names",
    "banking/webhooks.py": "one function for each provider is the interface that was promised",
    "converge/mutants.py": "each fault is put into a line of a module, and providers have lines too",
    "converge/regressions.py": "a seed that found a fault finds it with the providers of that day",
}
# What knows no tenant, with the reason. A key is a module, or a module and one of its functions.
GLOBAL_CODE = {
    "services/access.py:authenticate": "a token names its tenant, not the other way round",
    "services/access.py:ensure_local_user": "makes the first tenant",
    "services/catalogue.py": "the catalogue of providers is the same for every tenant",
    "services/keys.py:rewrap_every_tenant": "goes through all tenants, one transaction each",
    "services/provider_calls.py:aclose": "closes HTTP clients; there is no row in it",
    "services/transfer_outcomes.py:list_due": "looks over all tenants for what is due; the work goes tenant by tenant",
    "services/sync.py:schedule_due": "looks over all tenants for what is due, and enqueues tenant by tenant",
    "storage/connections.py:list_due": "the scheduler asks what is due for every tenant, and sees nothing else",
    "storage/embedded.py": "starts and stops a database server; there is no row in it",
    "storage/providers.py": "the catalogue of providers is the same for every tenant",
    "storage/queue.py": "the job engine's own tables; each job carries its tenant in its arguments",
    "storage/schema.py": "changes tables, not rows",
    "storage/staging.py": "fills a temporary table that lives as long as one tenant's transaction",
    "storage/tenants.py:list_tenant_ids": "which tenants there are, and nothing else of them",
    "storage/tenants.py:find_principal": "finds out whose token it is, so the tenant is its answer",
    "storage/transfers.py:list_due": "the scheduler asks what is due for every tenant, and sees nothing else",
    "storage/unit_of_work.py": "the pool and its transactions; a transaction is bound to its tenant when it opens",
}
GLOBAL_TABLES = frozenset({"tenants", "providers", "alembic_version", "webhook_notices", "erasure_proofs"})
GLOBAL_TABLE_PREFIXES = ("pg_", "information_schema", "procrastinate_", "incoming_")
# What may stand before tenant_id: the object itself and the open transaction.
BEFORE_TENANT = frozenset({"self", "cls", "tx", "uow", "unit_of_work", "transaction"})
# Slugs that are also English words are looked for as a whole string or as a module path, not inside other names.
ORDINARY_WORDS = frozenset({"sequence"})

EXCUSE = re.compile(r"#\s*lint:\s*allow\s+(?P<rule>[\w-]+)(?:\s+-\s*(?P<reason>.*\S))?")
STATEMENT = re.compile(r"\s*(?:with|select|insert|update|delete|merge|copy)\b", re.IGNORECASE)
TABLE = re.compile(
    r"\b(?:from|join|into|update|using|copy)\s+(?:only\s+|lateral\s+)?([a-z_][a-z_0-9.]*)(?!\s*\()", re.IGNORECASE
)
COMMON_TABLE = re.compile(r"\b([a-z_]\w*)\s*(?:\([^()]*\)\s*)?as\s+(?:not\s+)?(?:materialized\s+)?\(", re.IGNORECASE)
BAD_MODULE_NAME = re.compile(r"(?:utils?|helpers?|common)|\w*manager\w*")


@dataclass(frozen=True, order=True)
class Finding:
    """One broken promise: where, which rule, and what to do."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.rule} {self.message}"


@dataclass
class Module:
    """A parsed file, with what the rules ask of it."""

    path: Path
    root: Path
    text: str
    slugs: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def tree(self) -> ast.Module:
        """Parsed once for all rules."""
        return ast.parse(self.text, filename=str(self.path))

    @cached_property
    def place(self) -> tuple[str, ...]:
        """Path parts under the package, empty outside it."""
        parts = self.path.relative_to(self.root).parts
        return parts[len(PACKAGE) :] if parts[: len(PACKAGE)] == PACKAGE else ()

    @cached_property
    def room(self) -> str:
        """Folder or top-level module name: `storage`, `registry`; empty outside the package."""
        return self.place[0].removesuffix(".py") if self.place else ""

    @cached_property
    def docstrings(self) -> frozenset[int]:
        """Identities of the constants that document, so that prose is not read as code."""
        owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        found: set[int] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, owners) and node.body and ast.get_docstring(node, clean=False) is not None:
                found.add(id(node.body[0].value))  # type: ignore[attr-defined]
        return frozenset(found)

    def nodes(self) -> Iterator[ast.AST]:
        """Every node, parents before children."""
        return ast.walk(self.tree)


Check = Callable[[Module], Iterator[tuple[int, str]]]
RULES: dict[str, Check] = {}


def rule(name: str) -> Callable[[Check], Check]:
    """Register a check under the name that findings and excuses use."""

    def register(check: Check) -> Check:
        RULES[name] = check
        return check

    return register


@rule("no-float")
def no_float(module: Module) -> Iterator[tuple[int, str]]:
    """Money and quantities are Decimal; binary fractions cannot hold 0.1."""
    is_mapping = module.room == "providers" and any(
        part.removesuffix(".py").endswith("mapping") for part in module.place
    )
    if not (module.room in EXACT_ROOMS or is_mapping):
        return
    guards = {
        id(part)
        for node in module.nodes()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance"
        for part in ast.walk(node.args[-1])
    }
    for node in module.nodes():
        if id(node) in guards:
            continue  # `isinstance(x, float)` is how a float is refused
        if isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno, "use Decimal: amounts, prices and quantities never pass through float"
        elif isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno, f"write Decimal({str(node.value)!r}): a float literal is not exact"


@rule("tenant-first")
def tenant_first(module: Module) -> Iterator[tuple[int, str]]:
    """Whatever touches rows says whose rows, before anything else. Only coroutines touch rows here."""
    if module.room not in {"storage", "services"} or "migrations" in module.place or module.place[-1].startswith("_"):
        return
    key = "/".join(module.place)
    if key in GLOBAL_CODE:
        return
    for function in _public_coroutines(module.tree):
        parameters = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
        while parameters and parameters[0] in BEFORE_TENANT:
            parameters.pop(0)
        if parameters[:1] != ["tenant_id"] and f"{key}:{function.name}" not in GLOBAL_CODE:
            yield (
                function.lineno,
                f"{function.name}: the first parameter is tenant_id (or list it in GLOBAL_CODE with a reason)",
            )


def _public_coroutines(tree: ast.Module) -> Iterator[ast.AsyncFunctionDef]:
    bodies = [tree.body, *(n.body for n in tree.body if isinstance(n, ast.ClassDef) and not n.name.startswith("_"))]
    for body in bodies:
        for node in body:
            if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
                yield node


@rule("tenant-in-sql")
def tenant_in_sql(module: Module) -> Iterator[tuple[int, str]]:
    """A statement on a tenant's table names the tenant; row-level security is the second net, not the first."""
    if module.room != "storage" or "migrations" in module.place or "/".join(module.place) in GLOBAL_CODE:
        return
    for line, text in _texts(module):
        if not STATEMENT.match(text) or "tenant_id" in text:
            continue
        local = {name.lower() for name in COMMON_TABLE.findall(text)}
        tables = {name.lower() for name in TABLE.findall(text)} - local - GLOBAL_TABLES - {"set", "stdin", "stdout"}
        named = sorted(name for name in tables if not name.startswith(GLOBAL_TABLE_PREFIXES))
        if named:
            yield line, f"the statement reads or writes {', '.join(named)} without tenant_id"


def _texts(module: Module) -> Iterator[tuple[int, str]]:
    """Whole strings: an f-string is one text with {} for its holes; docstrings are left out."""
    inside = {
        id(part)
        for node in module.nodes()
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part != node
    }
    for node in module.nodes():
        if isinstance(node, ast.JoinedStr):
            yield node.lineno, "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in node.values)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in inside | module.docstrings
        ):
            yield node.lineno, node.value


@rule("provider-at-home")
def provider_at_home(module: Module) -> Iterator[tuple[int, str]]:
    """A provider is one folder: the core never names one, so that adding or dropping one touches nothing else."""
    is_demo = module.room == "cli" and "demo" in module.place[-1]
    if is_demo or module.room in NAMED_PROVIDER_ROOMS | {""} or "/".join(module.place) in NAMED_PROVIDER_CODE:
        return
    for line, text in (*_texts(module), *_identifiers(module)):
        words = {slug for slug in ORDINARY_WORDS if text == slug or re.search(rf"\bproviders\.{slug}\b", text)}
        for slug in module.slugs & (_words(text) | words):
            yield line, f"{slug!r} is a provider's name: derive it from the registry"


def _identifiers(module: Module) -> Iterator[tuple[int, str]]:
    for node in module.nodes():
        line = getattr(node, "lineno", 1)
        for attribute in ("id", "attr", "arg", "name", "module", "asname"):
            value = getattr(node, attribute, None)
            # A bare slug is an identifier of ours only in a dotted path; `Sequence` and `sequence` are plain words.
            if isinstance(value, str) and value not in ORDINARY_WORDS:
                yield line, value


def _words(text: str) -> frozenset[str]:
    """`PlaidClient`, `plaid_client` and `the-plaid client` all contain the word `plaid`."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return frozenset(re.findall(r"[a-z0-9]+", spaced.lower())) - ORDINARY_WORDS


@rule("module-size")
def module_size(module: Module) -> Iterator[tuple[int, str]]:
    """A module answers one question; past the limit it answers two."""
    limit = TEST_LINES if module.path.relative_to(module.root).parts[0] == "tests" else SOURCE_LINES
    length = len(module.text.splitlines())
    if length > limit:
        yield 1, f"{length} lines, the limit is {limit}: split it by meaning"


@rule("module-name")
def module_name(module: Module) -> Iterator[tuple[int, str]]:
    """A name says what is inside; these say that nobody knew."""
    for part in module.path.relative_to(module.root).parts:
        if BAD_MODULE_NAME.fullmatch(part.removesuffix(".py")):
            yield 1, f"{part!r} names no subject: call it after what it does"


@rule("broad-except")
def broad_except(module: Module) -> Iterator[tuple[int, str]]:
    """Only a door may catch everything: further in, it hides the fault that the status should have told."""
    if not module.room or module.room in DOORS:
        return
    for node in module.nodes():
        caught: list[ast.expr] = []
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield node.lineno, "a bare except catches cancellation too: name the errors"
                continue
            caught = list(node.type.elts) if isinstance(node.type, ast.Tuple) else [node.type]
        elif isinstance(node, ast.Call) and _dotted(node.func).split(".")[-1] == "suppress":
            caught = node.args
        for error in caught:
            if _dotted(error).split(".")[-1] in {"Exception", "BaseException"}:
                yield (
                    node.lineno,
                    f"{_dotted(error)} is caught only at the doors ({', '.join(sorted(DOORS))}): name the errors",
                )


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@rule("naive-datetime")
def naive_datetime(module: Module) -> Iterator[tuple[int, str]]:
    """An instant without a zone is a guess."""
    for node in module.nodes():
        if not isinstance(node, ast.Call):
            continue
        call = ".".join(_dotted(node.func).split(".")[-2:])
        zoned = any(keyword.arg in {"tz", "tzinfo"} for keyword in node.keywords)
        naive = {"datetime.now": not node.args, "datetime.fromtimestamp": len(node.args) < 2}.get(call, False)
        if call in {"datetime.utcnow", "datetime.utcfromtimestamp", "datetime.today"} or (naive and not zoned):
            yield node.lineno, f"{call}() has no zone: pass UTC"


@rule("clock")
def now_from_clock(module: Module) -> Iterator[tuple[int, str]]:
    """The core asks an injected clock, so that every test can set the time. Classes named *Clock are clocks."""
    if module.room not in CLOCKLESS_ROOMS:
        return
    clocks = [n for n in module.nodes() if isinstance(n, ast.ClassDef) and n.name.endswith("Clock")]
    inside = {id(part) for clock in clocks for part in ast.walk(clock)}
    banned = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}
    for node in module.nodes():
        name = ".".join(_dotted(node).split(".")[-2:]) if isinstance(node, ast.Attribute) else ""
        if name in banned and id(node) not in inside:
            yield node.lineno, f"{name} outside a clock: take the time from the injected Clock"
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "time"
            and {a.name for a in node.names} & {"time", "time_ns"}
        ):
            yield node.lineno, "time.time outside a clock: take the time from the injected Clock"


@rule("pure-domain")
def pure_domain(module: Module) -> Iterator[tuple[int, str]]:
    """The domain is the standard library and itself."""
    if module.room != "domain":
        return
    for line, name in _imports(module):
        if name.split(".")[0] not in sys.stdlib_module_names and not f"{name}.".startswith("bursar.domain."):
            yield line, f"the domain imports the standard library and bursar.domain only, not {name}"


@rule("settings-reader")
def settings_reader(module: Module) -> Iterator[tuple[int, str]]:
    """One room reads the environment and hands out typed values."""
    if not module.room or module.room in {"settings", "bootstrap"}:
        return
    for line, name in _imports(module):
        if f"{name}.".startswith("bursar.settings."):
            yield line, "settings are read by bootstrap only: take the value as a parameter"


def _imports(module: Module) -> Iterator[tuple[int, str]]:
    for node in module.nodes():
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def lint_module(module: Module) -> list[Finding]:
    """Findings of one file, after its excuses; a faulty or idle excuse is a finding."""
    path = str(module.path.relative_to(module.root))
    found = {(line, name): message for name, check in RULES.items() for line, message in check(module)}
    findings: list[Finding] = []
    for line, name, reason in _excuses(module.text):
        if name not in RULES:
            findings.append(Finding(path, line, "excuse", f"no rule is called {name!r}"))
        elif not reason:
            findings.append(Finding(path, line, "excuse", f"say why: # lint: allow {name} - <reason>"))
        elif found.pop((line, name), None) is None:
            findings.append(Finding(path, line, "excuse", f"{name} finds nothing here: remove the excuse"))
    findings += [Finding(path, line, name, message) for (line, name), message in found.items()]
    return sorted(findings)


def _excuses(text: str) -> Iterator[tuple[int, str, str | None]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and (match := EXCUSE.match(token.string)):
            yield token.start[0], match["rule"], match["reason"]


def lint_tree(root: Path) -> list[Finding]:
    """Every rule over every Python file of src, tests, tools and benchmarks."""
    providers = root.joinpath(*PACKAGE, "providers")
    slugs = frozenset(p.parent.name for p in providers.glob("[a-z]*/adapter.py"))
    findings: list[Finding] = []
    for folder in ("src", "tests", "tools", "benchmarks"):
        for path in sorted((root / folder).rglob("*.py")):
            findings += lint_module(Module(path, root, path.read_text(encoding="utf-8"), slugs))
    return findings


def main(arguments: list[str]) -> int:
    """Print every finding; 1 when there is one."""
    root = Path(arguments[0] if arguments else ".").resolve()
    findings = lint_tree(root)
    for finding in findings:
        print(finding)
    print(f"{len(RULES)} rules, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
