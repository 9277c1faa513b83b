"""What the authority suggests about renewing each certificate (RFC 9773), asked now and then (does I/O)."""

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from couchpages.certs.acme.ari import RenewalInfo
from couchpages.certs.acme.client import Client
from couchpages.certs.acme.errors import AcmeError
from couchpages.certs.certificates import Certificate
from couchpages.ports import StoreError

#: Seconds after which it is asked again where nothing came: RFC 9773 section 4.3.3 has six hours where the authority does not say.
AFTER_FAILURE = 3600.0
#: Seconds after which an authority is asked again that suggests nothing.
NEVER_SUGGESTS = 86_400.0
#: Certificates that are asked about in one go, so that a node with thousands does not do nothing else.
AT_A_TIME = 50


class Windows:
    """*client* gives what asks the authority. Used in *reactor*'s thread."""

    log = Logger()

    def __init__(self, reactor: Any, client: Callable[[], "Deferred[Client]"]) -> None:
        self._reactor = reactor
        self._client = client
        self._windows: dict[str, RenewalInfo] = {}
        self._due: dict[str, float] = {}
        self._asking: Deferred[None] | None = None

    def of(self, certificate: Certificate) -> RenewalInfo | None:
        """Give what the authority suggested last, None where it did not."""
        return self._windows.get(certificate.fingerprint)

    def refresh(self, certificates: Iterable[Certificate]) -> None:
        """Ask about those of *certificates* that it is time for, beside everything else; forget all others."""
        known = {each.fingerprint: each for each in certificates}
        self._windows = {key: each for key, each in self._windows.items() if key in known}
        self._due = {key: each for key, each in self._due.items() if key in known}
        now = self._reactor.seconds()
        due = [each for key, each in known.items() if self._due.get(key, now) <= now][:AT_A_TIME]
        if due and self._asking is None:
            asking = Deferred.fromCoroutine(self._ask(due))
            self._asking = None if asking.called else asking
            asking.addBoth(self._ended)

    def stop(self) -> None:
        """Leave what is under way."""
        if self._asking is not None:
            self._asking.cancel()

    async def _ask(self, due: list[Certificate]) -> None:
        now = self._reactor.seconds()
        for each in due:
            self._due[each.fingerprint] = now + AFTER_FAILURE
        client = await self._client()
        for each in due:
            try:
                window = await client.renewal_info(each.chain)
            except AcmeError as error:
                self.log.debug("{name}: no renewal information: {error}", name=each.name, error=error)
                continue
            if window is None:
                self._due[each.fingerprint] = self._reactor.seconds() + NEVER_SUGGESTS
            else:
                self._take(each, window)

    def _take(self, certificate: Certificate, window: RenewalInfo) -> None:
        before = self._windows.get(certificate.fingerprint)
        self._windows[certificate.fingerprint] = window
        self._due[certificate.fingerprint] = self._reactor.seconds() + window.retry_after
        if window.explanation and (before is None or before.explanation != window.explanation):
            self.log.info(
                "{name}: the CA suggests another time to renew: {why}", name=certificate.name, why=window.explanation
            )

    def _ended(self, result: object) -> None:
        self._asking = None
        # What the authority or CouchDB did not do is logged by those who order, and tried again.
        if isinstance(result, Failure) and not result.check(AcmeError, StoreError, ValueError, CancelledError):
            self.log.failure("the authority could not be asked when to renew", failure=result)
