"""Sees that the test of a law fails when the code that keeps the law is taken out.

A module of a law declares, beside its tests, what keeps the law and what would stand there if nobody had thought of it.
"""

import unittest
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase


@dataclass(frozen=True, slots=True)
class Without:
    """With *name* of *owner* replaced by *instead*, the test called *test* must fail."""

    test: str
    owner: Any
    name: str
    instead: Any


if TYPE_CHECKING:
    Mixin = SynchronousTestCase
else:
    Mixin = object


class NeedsItsCode(Mixin):
    """Is mixed into a test case for each law, which names the law's tests and what keeps it."""

    law: ClassVar[type[SynchronousTestCase]]
    without: ClassVar[Sequence[Without]]

    def test_fails_without(self) -> None:
        """Each test of the law passes as the code is, and fails without any one of the things that keep the law."""
        tests = set(unittest.defaultTestLoader.getTestCaseNames(self.law))
        self.assertEqual(tests, {each.test for each in self.without}, "every test of a law names what keeps it")
        for each in self.without:
            self.assertTrue(passes(self.law, each.test), f"{each.test} fails with the code in place")
            with patch.object(each.owner, each.name, each.instead):
                self.assertFalse(passes(self.law, each.test), f"{each.test} passes without {each.owner}.{each.name}")


def passes(law: type[SynchronousTestCase], test: str) -> bool:
    """Run one test."""
    result = unittest.TestResult()
    law(test).run(result)
    assert result.testsRun == 1
    return result.wasSuccessful()
