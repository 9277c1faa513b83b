"""What tests of issuing do alike."""

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.boxes import SealingKey
from couchpages.certs.key_files import Keys
from tests.certs.made import KEY

#: Ids of nodes.
ONE, TWO = "a" * 16, "b" * 16


class WorkingCase(SynchronousTestCase):
    """Tests with coroutines."""

    def begun(self, work: Coroutine[Any, Any, Any]) -> "Deferred[Any]":
        """Begin with *work*."""
        return Deferred.fromCoroutine(work)

    def done(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Give what comes of *work*, which ends at once."""
        return self.successResultOf(self.begun(work))

    def fails(self, work: Coroutine[Any, Any, Any], *errors: type[BaseException]) -> Any:
        """Give the error that *work* ends with at once."""
        return self.failureResultOf(self.begun(work), *errors).value


def keys(*them: SealingKey) -> Keys:
    """Give keys, the first of which seals."""
    return Keys(them or (KEY,))
