"""Certificates, orders and authorizations that were not ordered: nobody gets to keep one, or to answer for one."""

from couchpages.certs.acme.errors import Cause
from couchpages.testing.acme.faults import CertificateFault
from couchpages.testing.acme.messages import Answered, Asked
from tests.certs.acme.made import AcmeCase


class WrongCertificates(AcmeCase):
    """A certificate that was not ordered is never given to anybody."""

    def test_each(self) -> None:
        """What is wrong with it is said."""
        words = {
            CertificateFault.OTHER_KEY: "is for another key than ours",
            CertificateFault.OTHER_NAMES: "it is not for example.org",
            CertificateFault.MORE_NAMES: "it is also for other.example, which nobody ordered",
            CertificateFault.BROKEN: "did not sign certificate 1",
            CertificateFault.EXPIRED: "is the clock of this machine right?",
            CertificateFault.NOT_YET: "only; is the clock of this machine right?",
            CertificateFault.NO_PEM: "answered no certificate in PEM",
        }
        client = self.client()
        for fault in CertificateFault:
            self.rules.certificate_fault = fault
            self.refused(self.issued(client, ["example.org"]), Cause.NONSENSE, words[fault])

    def test_other_order(self) -> None:
        """An order for other names than those asked for is none."""
        self.rules.order_swaps_names = True
        self.refused(
            self.client().order(["example.org"]), Cause.NONSENSE, "order for other.example, which was not asked for"
        )

    def test_other_authorization(self) -> None:
        """No challenge is answered for a name that was not ordered."""
        client = self.client()
        order = self.run_(client.order(["example.org"]))
        for authorization in self.authority.books.authorizations.values():
            authorization.name = "victim.example"
        self.refused(client.authorizations(order), Cause.NONSENSE, "wants victim.example proven")

    def test_swapped_authorization(self) -> None:
        """One that becomes another while it is waited for proves nothing."""
        client = self.client()
        self.rules.never_checks = True
        (authorization,) = self.run_(client.authorizations(self.run_(client.order(["example.org"]))))
        for each in self.authority.books.authorizations.values():
            each.name, each.status = "victim.example", "valid"
        self.refused(client.until_valid(authorization, 60), Cause.NONSENSE, "another name")

    def test_broken_alternates(self) -> None:
        """An alternate that is broken does no harm to a default that is right."""
        client = self.client()
        answer = self.agent._answers
        bad = (
            "http://ca.test/cert/1/alternate/1",
            "https://[::1",
            "javascript:1",
            "https://ca.test/cert/77",
            "https://ca.test/directory",
        )

        def linking(asked: Asked) -> Answered:
            result = answer(asked)
            if not asked.path.startswith("/cert"):
                return result
            links = tuple(("Link", f'<{each}>; rel="alternate"') for each in bad * 9)
            return Answered(result.status, result.body, (*result.headers, *links))

        self.agent._answers = linking
        self.assertIn(b"BEGIN CERTIFICATE", self.run_(self.issued(client, ["example.org"], "No Root")))
        self.assertLess(self.authority.asked["cert"], 5)
