"""Why there is no certificate, in words that help."""

from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.acme.errors import AcmeError, Cause
from couchpages.certs.issuing.obstacles import NotReached
from couchpages.certs.issuing.proofs import Proof, Type, bare, proof
from couchpages.certs.issuing.words import cause_of, is_of_all, is_of_authority, told
from couchpages.ports import NoRoom


class Words(SynchronousTestCase):
    """What is told."""

    def test_told(self) -> None:
        """Each reason is one line, and begins with the name."""
        for error, words, cause in (
            (NotReached("a.org: elsewhere"), "a.org: elsewhere", "not_reached"),
            (NotReached("www.a.org: else\nwhere"), "a.org: www.a.org: else where", "not_reached"),
            (NoRoom("full"), "a.org: CouchDB: full", "couchdb"),
            (KeyError("x"), "a.org: a defect: KeyError('x')", "defect"),
            (AcmeError(Cause.SERVER, "down"), "a.org: down", "server"),
        ):
            self.assertEqual((told("a.org", error), cause_of(error)), (words, cause))

    def test_of_all(self) -> None:
        """What the authority or CouchDB does not do says nothing about a name; a limit of one name says nothing about others."""
        for cause in Cause:
            of_authority = cause in ("unreachable", "timed_out", "nonsense", "server", "account", "external_account")
            self.assertEqual(is_of_authority(AcmeError(cause, "")), of_authority)
        self.assertTrue(is_of_all(NoRoom("full")) and not is_of_authority(NoRoom("full")))
        self.assertFalse(is_of_all(NotReached("x")))

    def test_proofs(self) -> None:
        """In a zone of ours by DNS, elsewhere over HTTP, and a wildcard there not at all."""
        self.assertEqual(
            proof("*.a.org", "_acme-challenge.a.org", "a.org"),
            Proof("a.org", Type.DNS, "_acme-challenge.a.org", "a.org"),
        )
        self.assertEqual(proof("a.org", "x.b.org", "b.org"), Proof("a.org", Type.DNS, "x.b.org", "b.org"))
        self.assertEqual(proof("a.org", "_acme-challenge.a.org", None), Proof("a.org", Type.HTTP))
        self.assertIsNone(proof("*.a.org", "_acme-challenge.a.org", None))
        self.assertEqual((bare("*.a.org"), bare("a.org")), ("a.org", "a.org"))
