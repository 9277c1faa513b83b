"""The rule that import-linter cannot express: modules that say that they are pure, are."""

import ast
from pathlib import Path

import grimp
from twisted.trial.unittest import SynchronousTestCase

import couchpages

ROOT = Path(couchpages.__file__).parent
#: What brings sockets, clocks, chance, threads or other people's state into a module.
IMPURE = (
    "twisted",
    "treq",
    "prometheus_client",
    "zope",
    "time",
    "random",
    "secrets",
    "socket",
    "sqlite3",
    "threading",
    "subprocess",
)


def _modules() -> dict[str, str]:
    """Give each module's name and its docstring."""
    found = {}
    for file in ROOT.rglob("*.py"):
        parts = file.relative_to(ROOT.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
    return found


class ArrowTests(SynchronousTestCase):
    """What each module's first lines promise."""

    def test_every_module_says_what_it_is(self) -> None:
        """Each module opens with a docstring."""
        self.assertEqual([name for name, docstring in _modules().items() if not docstring], [])

    def test_pure_modules_import_nothing_impure(self) -> None:
        """No chain of imports leads from a module that calls itself pure to sockets, clocks or chance."""
        graph = grimp.build_graph("couchpages", include_external_packages=True, cache_dir=None)
        pure = [name for name, docstring in _modules().items() if "(pure)" in docstring.partition("\n\n")[0]]
        self.assertGreater(len(pure), 20)
        chains = [
            " -> ".join(graph.find_shortest_chain(module, impure) or ())
            for module in pure
            for impure in IMPURE
            if impure in graph.modules and graph.chain_exists(module, impure)
        ]
        self.assertEqual(chains, [])
