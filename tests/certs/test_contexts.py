"""Contexts of both libraries, in handshakes with clients in memory."""

import os
import resource
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any, ClassVar
from unittest.mock import patch

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from couchpages.certs.certificates import Certificate, Kind
from couchpages.certs.contexts import PyOpenSSL, StandardLibrary, reason_of
from couchpages.certs.development import self_signed
from couchpages.certs.pem import read_certificate
from couchpages.certs.quiet import unrecognized
from couchpages.certs.sni import indexing
from couchpages.certs.tls_contexts import LONGEST_SLEEP, PAUSE, RETRY, Contexts
from couchpages.certs.tls_policy import CIPHER_SUITES, CIPHERS, policy
from couchpages.metrics import Metrics
from couchpages.testing.authority import Authority
from tests.certs.handshaking import Refusal, Server, Shaken, client_context, shake

AUTHORITY = Authority()
NOW = AUTHORITY.now


def issue(*names: str, kind: Kind = Kind.ECDSA, made: int = 0) -> Certificate:
    """Issue a certificate."""
    return read_certificate(*AUTHORITY.issue(*names, kind=kind), made=made)


def fingerprint(shaken: Shaken) -> str:
    """Give the fingerprint of the leaf that the client got."""
    return sha256(shaken.certificate).hexdigest()


@contextmanager
def without_descriptors(spare: int) -> Iterator[None]:
    """Have no more than so many descriptors left for a moment."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = [os.dup(0)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (taken[0] + 5, hard))
    try:
        while True:
            try:
                taken.append(os.dup(0))
            except OSError:
                break
        for _ in range(spare):
            os.close(taken.pop())
        yield
    finally:
        for each in taken:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class OfStandardLibrary(SynchronousTestCase):
    """Contexts of the standard library, which asyncio's loops take."""

    library: ClassVar[Any] = StandardLibrary()

    def setUp(self) -> None:
        """Make a clock and metrics."""
        self.clock = Clock()
        self.metrics = Metrics()

    def contexts(
        self,
        *certificates: Certificate,
        default: str = "",
        development: Sequence[Certificate] = (),
        http2: bool = False,
    ) -> Contexts[Any]:
        """Make contexts that serve these."""
        made = Contexts(
            self.clock, self.library, policy(http2=http2), self.metrics, lambda: NOW + self.clock.seconds(), default, development
        )  # fmt: skip
        self.addCleanup(made.stop)
        self.serve(made, *certificates)
        return made

    def serve(self, contexts: Contexts[Any], *certificates: Certificate) -> None:
        """Have these served from now on."""
        contexts.serve(certificates)
        self.clock.advance(PAUSE)
        self.clock.pump([0] * 50)

    def refused(self, contexts: Contexts[Any], name: str | None, client: ssl.SSLContext | None = None) -> Refusal:
        """Give how a client is refused."""
        refusal: Refusal = self.assertRaises(Refusal, shake, contexts.base, name, client)
        return refusal

    def test_right_certificate(self) -> None:
        """A client gets the exact name's certificate, then the wildcard's; without a name, the default; with its chain."""
        exact, wildcard = issue("www.example.org"), issue("*.example.org", "example.org")
        contexts = self.contexts(exact, wildcard, default="www.example.org")
        for name, certificate in (
            ("www.example.org", exact),
            ("WWW.example.ORG", exact),
            ("a.example.org", wildcard),
            ("example.org", wildcard),
            (None, exact),
        ):
            self.assertEqual(fingerprint(shake(contexts.base, name)), certificate.fingerprint, name)
        trusting = ssl.create_default_context(cadata=AUTHORITY.root.pem.decode())
        self.assertEqual(shake(contexts.base, "a.example.org", trusting).say(b"hello"), b"hello")

    def test_unknown_names(self) -> None:
        """Who asks for a name that is not here is told unrecognized_name, which says nothing of what is here; nothing is printed."""
        contexts = self.contexts(issue("www.example.org"), development=[self_signed(NOW)])
        former = sys.excepthook
        for name in ("example.org", "a.www.example.org", "other.example"):
            with patch("sys.stderr") as printed:
                refused = self.refused(contexts, name)
            self.assertEqual((printed.write.call_args_list, sys.excepthook), ([], former))
            self.assertIn("UNRECOGNIZED_NAME", refused.alert)
            self.assertEqual(reason_of(refused.error), "CALLBACK_FAILED")
        self.assertIn("UNRECOGNIZED_NAME", self.refused(self.contexts(), None).alert)

    def test_names_that_are_not_ascii(self) -> None:
        """They are told the same, and nothing is printed; what others have to tell is."""
        contexts = self.contexts(issue("www.example.org"))
        outgoing = ssl.MemoryBIO()
        client = client_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="aaaaaaaa.test")
        self.assertRaises(ssl.SSLWantReadError, client.do_handshake)
        server = Server(contexts.base)
        with patch("sys.stderr") as printed:
            try:
                server.take(outgoing.read().replace(b"aaaaaaaa", b"\xff\xfe\xfdEVIL!"))
            except (ssl.SSLError, SSL.Error) as error:
                self.assertEqual(reason_of(error), "CALLBACK_FAILED")
                words = getattr(error, "last_words", b"") or server.sent()
            self.assertEqual(printed.write.call_args_list, [])
        self.assertEqual((words[0], words[-1]), (21, ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME))

    def test_development(self) -> None:
        """The self-signed certificate answers for localhost and what is below it, and without a name until there is another."""
        own, real = self_signed(NOW), issue("www.example.org")
        contexts = self.contexts(development=[own])
        for name in ("localhost", "mine.localhost", None):
            self.assertEqual(fingerprint(shake(contexts.base, name)), own.fingerprint)
        self.serve(contexts, real)
        self.assertEqual(fingerprint(shake(contexts.base, None)), real.fingerprint)
        self.assertEqual(fingerprint(shake(contexts.base, "localhost")), own.fingerprint)
        self.assertEqual(
            [contexts.is_served(name) for name in ("localhost", "www.example.org", "x")], [False, True, False]
        )

    def test_ecdsa_and_rsa(self) -> None:
        """Side by side: clients that can take only one get that one, each with its whole chain."""
        ecdsa, rsa = issue("a.example"), issue("a.example", kind=Kind.RSA)
        contexts = self.contexts(ecdsa, rsa)
        for cipher, certificate in (
            ("ECDHE-ECDSA-AES128-GCM-SHA256", ecdsa),
            ("ECDHE-RSA-AES128-GCM-SHA256", rsa),
            ("ECDHE-RSA-CHACHA20-POLY1305", rsa),
        ):
            client = ssl.create_default_context(cadata=AUTHORITY.root.pem.decode())
            client.maximum_version = ssl.TLSVersion.TLSv1_2
            client.set_ciphers(cipher)
            self.assertEqual(fingerprint(shake(contexts.base, "a.example", client)), certificate.fingerprint)
        self.assertEqual(fingerprint(shake(contexts.base, "a.example")), ecdsa.fingerprint)

    def test_versions_and_ciphers(self) -> None:
        """TLS 1.2 and 1.3 are spoken, with the policy's ciphers in its order, but ChaCha20 for who likes it best; nothing else is."""
        contexts = self.contexts(issue("a.example"), issue("a.example", kind=Kind.RSA))
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            self.assertEqual(
                shake(contexts.base, None, client_context(version=version)).client.version(),
                version.name.replace("_", "."),
            )
        for cipher in CIPHERS:
            client = client_context(version=ssl.TLSVersion.TLSv1_2, ciphers=cipher)
            self.assertEqual((shake(contexts.base, "a.example", client).client.cipher() or ("",))[0], cipher)
        self.assertIn((shake(contexts.base, "a.example").client.cipher() or ("",))[0], CIPHER_SUITES)
        order = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256"
        preferring = client_context(version=ssl.TLSVersion.TLSv1_2, ciphers=order)
        self.assertEqual(
            (shake(contexts.base, "a.example", preferring).client.cipher() or ("",))[0], "ECDHE-ECDSA-CHACHA20-POLY1305"
        )
        other = client_context(version=ssl.TLSVersion.TLSv1_2, ciphers=f"{CIPHERS[2]}:{CIPHERS[0]}:{CIPHERS[4]}")
        self.assertEqual((shake(contexts.base, "a.example", other).client.cipher() or ("",))[0], CIPHERS[0])
        for cipher in ("AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "DHE-RSA-AES128-GCM-SHA256"):
            refused = self.refused(
                contexts, "a.example", client_context(version=ssl.TLSVersion.TLSv1_2, ciphers=cipher)
            )
            self.assertEqual(reason_of(refused.error), "NO_SHARED_CIPHER")
        for old in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            refused = self.refused(contexts, "a.example", client_context(version=old, ciphers="ALL:@SECLEVEL=0"))
            self.assertEqual(reason_of(refused.error), "UNSUPPORTED_PROTOCOL")

    def test_protocols(self) -> None:
        """ALPN offers http/1.1, and h2 before it where that is wanted; who offers neither goes on without."""
        for http2, offered, agreed in (
            (False, ("h2", "http/1.1"), "http/1.1"),
            (True, ("http/1.1", "h2"), "h2"),
            (True, ("http/1.1",), "http/1.1"),
            (False, ("h2",), None),
            (True, ("spdy/3",), None),
            (False, (), None),
        ):
            contexts = self.contexts(issue("a.example"), http2=http2)
            shaken = shake(contexts.base, "a.example", client_context(protocols=offered))
            self.assertEqual(shaken.client.selected_alpn_protocol(), agreed)

    def test_resumption(self) -> None:
        """Sessions of TLS 1.2 and 1.3 are really resumed, also after the certificates were swapped."""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            contexts, client = self.contexts(issue("a.example")), client_context(version=version)
            first = shake(contexts.base, "a.example", client)
            first.hear(b"the tickets of TLS 1.3 came before this")
            self.assertFalse(first.client.session_reused)
            again = shake(contexts.base, "a.example", client, first.client.session)
            self.assertTrue(again.client.session_reused)
            self.serve(contexts, issue("a.example", made=1))
            swapped = shake(contexts.base, "a.example", client, first.client.session)
            self.assertTrue(swapped.client.session_reused)
            self.assertEqual(swapped.say(b"x"), b"x")

    def test_a_swap(self) -> None:
        """New connections get the newer certificate; those that are open go on."""
        old, new = issue("a.example"), issue("a.example", made=1)
        contexts = self.contexts(old)
        open_ = shake(contexts.base, "a.example")
        self.serve(contexts, old, new)
        self.assertEqual(fingerprint(shake(contexts.base, "a.example")), new.fingerprint)
        self.assertEqual((open_.say(b"still"), open_.hear(b"here")), (b"still", b"here"))
        self.serve(contexts)
        self.assertIn("UNRECOGNIZED_NAME", self.refused(contexts, "a.example").alert)
        self.assertEqual((open_.say(b"still"), open_.hear(b"here")), (b"still", b"here"))

    def test_what_cannot_be_loaded(self) -> None:
        """Where OpenSSL does not take a certificate, the last good one of the name goes on; that is counted, and its key is not logged."""
        old, new = issue("a.example"), issue("a.example", made=1)
        broken = replace(new, key=old.key)
        contexts = self.contexts(old)
        self.serve(contexts, old, broken)
        for _ in range(3):
            self.assertEqual(fingerprint(shake(contexts.base, "a.example")), old.fingerprint)
        self.assertEqual(self.metrics.registry.get_sample_value("couchpages_tls_contexts_refused_total"), 1)
        error = self.assertRaises(ValueError, self.library.context, policy(http2=False), [broken])
        self.assertNotIn("PRIVATE", str(error))
        newest = issue("a.example", made=2)
        self.serve(contexts, newest)
        self.assertEqual(fingerprint(shake(contexts.base, "a.example")), newest.fingerprint)

    def test_a_mended_chain(self) -> None:
        """A certificate that is imported again with a whole chain, its leaf the same, is served with that."""
        whole = issue("a.example")
        end = b"-----END CERTIFICATE-----\n"
        contexts = self.contexts(replace(whole, chain=whole.chain.partition(end)[0] + end))
        trusting = ssl.create_default_context(cadata=AUTHORITY.root.pem.decode())
        self.assertRaises(ssl.SSLCertVerificationError, shake, contexts.base, "a.example", trusting)
        self.serve(contexts, whole)
        self.assertEqual(shake(contexts.base, "a.example", trusting).say(b"hello"), b"hello")

    def test_no_descriptors_for_a_moment(self) -> None:
        """Without descriptors the last good certificate goes on, and what could not be made is made when there are some again."""
        old, new, other = issue("a.example"), issue("a.example", made=1), issue("b.example")
        contexts = self.contexts(old)
        told: list[frozenset[str]] = []
        contexts.tell(told.append)
        for spare in (0, 1):
            with without_descriptors(spare):
                self.serve(contexts, new, other)
                self.assertEqual(fingerprint(shake(contexts.base, "a.example")), old.fingerprint)
                self.assertIsNone(contexts.choose("b.example"))
                self.assertEqual([contexts.is_served(f"{each}.example") for each in "ab"], [True, False])
                self.clock.pump([RETRY, PAUSE])
                self.assertIsNone(contexts.choose("b.example"))
        self.assertNotIn("b.example", told[-1] if len(told) % 2 else "")
        self.clock.pump([RETRY, PAUSE])
        self.assertIn("b.example", told[-1])
        for name, certificate in (("a.example", new), ("b.example", other)):
            self.assertEqual(fingerprint(shake(contexts.base, name)), certificate.fingerprint)
            self.assertTrue(contexts.is_served(name))
        self.assertEqual(self.metrics.registry.get_sample_value("couchpages_tls_contexts_refused_total"), 0)

    def test_names_that_come_back_are_told_of(self) -> None:
        """Defect: names that could not be served for a while were told of again an hour later only."""
        contexts = self.contexts(issue("a.example"))
        told: list[frozenset[str]] = []
        contexts.tell(told.append)
        with without_descriptors(0):
            self.serve(contexts, issue("a.example", made=1), issue("b.example"))
            self.clock.pump([RETRY, PAUSE])
        told.clear()
        # A visitor comes before it is tried again.
        self.assertTrue(contexts.is_served("b.example"))
        self.clock.pump([PAUSE] * 3)
        self.assertIn("b.example", frozenset().union(*told))

    def test_served_at_once(self) -> None:
        """Defect: right after a start, clients were told that there was no such name while it was looked for."""
        contexts = self.contexts()
        contexts.serve([issue("a.example")])
        self.assertIsNotNone(contexts.choose("a.example"))

    def test_the_last_good_one_is_for_the_host(self) -> None:
        """Where a certificate is not taken, the last good one answers for the names that it has, and for no other."""
        old, new = issue("a.example"), issue("a.example", "new.example", made=1)
        contexts = self.contexts(old)
        self.serve(contexts, replace(new, key=old.key))
        self.assertEqual(fingerprint(shake(contexts.base, "a.example")), old.fingerprint)
        self.assertIn("UNRECOGNIZED_NAME", self.refused(contexts, "new.example").alert)
        self.assertEqual([contexts.is_served(name) for name in ("a.example", "new.example")], [True, False])

    def test_told(self) -> None:
        """Only the names are told of that are served from now on, or no longer: not those of which the certificate is renewed."""
        first, renewed, star = issue("a.example"), issue("a.example", made=1), issue("*.b.example")
        contexts = self.contexts(first, development=[self_signed(NOW)])
        told: list[frozenset[str]] = []
        contexts.tell(told.append)
        self.serve(contexts, renewed)
        self.clock.advance(LONGEST_SLEEP)
        self.assertEqual(told, [])
        self.serve(contexts, renewed, star)
        self.serve(contexts, star)
        self.assertEqual(told, [{"*.b.example"}, {"a.example"}])

    def test_a_thousand(self) -> None:
        """Of a thousand certificates, no turn of the reactor is long."""
        one = issue("a.example")
        every = [replace(one, name=f"{n}.example", names=(f"{n}.example",), fingerprint=f"{n}") for n in range(2000)]
        turns: list[float] = []
        steps = indexing(every, "", (), NOW)
        while True:
            began = time.perf_counter()
            try:
                next(steps)
            except StopIteration as end:
                self.assertEqual(end.value.offer("1999.example"), (every[1999],))
                break
            turns.append(time.perf_counter() - began)
        self.assertLess(sorted(turns)[len(turns) * 9 // 10], 0.004)

    def test_a_key_is_not_checked_again(self) -> None:
        """An RSA key, which was checked when it was read, is loaded within milliseconds."""
        rsa = issue("a.example", kind=Kind.RSA)
        self.library.context(policy(http2=False), [rsa])
        began = time.process_time()
        for _ in range(5):
            self.library.context(policy(http2=False), [rsa])
        self.assertLess(time.process_time() - began, 0.1)

    def test_renewal(self) -> None:
        """After a day, the keys of session tickets are others: sessions of before are shaken anew."""
        contexts, client = self.contexts(issue("a.example")), client_context()
        first = shake(contexts.base, "a.example", client)
        first.hear(b"tickets")
        self.clock.pump([LONGEST_SLEEP] * 23)
        self.assertTrue(shake(contexts.base, "a.example", client, first.client.session).client.session_reused)
        self.clock.pump([LONGEST_SLEEP] * 2)
        self.assertFalse(shake(contexts.base, "a.example", client, first.client.session).client.session_reused)

    def test_dates(self) -> None:
        """When a certificate ends while the daemon runs, another that is good takes over without being told of anything."""
        short = read_certificate(*AUTHORITY.issue("a.example", not_after=int(NOW) + 100), made=2)
        long = issue("a.example", made=1)
        contexts = self.contexts(short, long)
        self.assertEqual(fingerprint(shake(contexts.base, "a.example")), short.fingerprint)
        self.clock.pump([50.0, 50.0, 1.0])
        self.assertEqual(fingerprint(shake(contexts.base, "a.example")), long.fingerprint)

    def test_on_demand(self) -> None:
        """A client that comes before the contexts are made is served all the same."""
        contexts = self.contexts()
        every = [issue(f"{number}.example") for number in range(30)]
        contexts.serve(every)
        self.clock.advance(PAUSE)
        self.assertEqual(fingerprint(shake(contexts.base, "29.example")), every[29].fingerprint)

    def test_without_files_in_memory(self) -> None:
        """Where there are no files in memory, what goes to a disk for a moment is an encrypted key."""
        certificate = issue("a.example")
        written: list[bytes] = []
        real = tempfile.NamedTemporaryFile

        def noting(*words: Any, **named: Any) -> Any:
            file: Any = real(*words, **named)
            write = file.write

            def note(data: bytes) -> None:
                written.append(bytes(data))
                write(data)

            file.write = note
            return file

        with patch.object(os, "memfd_create", create=True), patch.object(tempfile, "NamedTemporaryFile", noting):
            del os.memfd_create
            contexts = self.contexts(certificate)
            self.assertEqual(fingerprint(shake(contexts.base, "a.example")), certificate.fingerprint)
        self.assertTrue(written)
        self.assertFalse([each for each in written if b"BEGIN PRIVATE KEY" in each])

    def test_certificates_leaf_names(self) -> None:
        """The certificate for development is for localhost, and signs itself."""
        leaf = x509.load_pem_x509_certificate(self_signed(NOW).chain)
        self.assertEqual(leaf.issuer, leaf.subject)
        self.assertEqual(self_signed(NOW).names, ("localhost", "*.localhost", "127.0.0.1", "::1"))


class OfPyOpenSSL(OfStandardLibrary):
    """The same of pyOpenSSL, whose contexts Twisted's transports take."""

    library = PyOpenSSL()

    def test_the_hook_does_not_nest(self) -> None:
        """However many names are refused whose errors are not shown by anybody, the hook of before is what is left."""
        former = sys.excepthook
        self.addCleanup(setattr, sys, "excepthook", former)
        for _ in range(5):
            unrecognized()
        sys.excepthook(LookupError, unrecognized(), None)
        self.assertIs(sys.excepthook, former)
