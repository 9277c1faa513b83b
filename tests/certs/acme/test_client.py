"""The client against an authority in memory: what it gets, and how often it asks."""

from cryptography import x509

from couchpages.certs.acme.client import Client, fetch_directory
from couchpages.certs.acme.csr import request_for
from couchpages.certs.acme.errors import Cause
from couchpages.certs.acme.keys import private_key_pem
from couchpages.certs.acme.resources import Status
from couchpages.certs.acme.signing import ExternalAccount, dns_value, key_authorization
from couchpages.certs.pem import read_certificate
from couchpages.testing.acme.messages import Problem
from tests.certs.acme.made import EXTERNAL, AcmeCase, account_key, leaf_key


def leaf_of(chain: bytes) -> x509.Certificate:
    """Give the first certificate."""
    return x509.load_pem_x509_certificates(chain)[0]


class Accounts(AcmeCase):
    """Accounts are made once, and found again."""

    def test_made_and_reused(self) -> None:
        """The same key gets the same account, another key another."""
        first = self.client()
        self.assertEqual(self.client().account_url, first.account_url)
        self.assertNotEqual(self.client(1).account_url, first.account_url)
        self.assertEqual(len(self.authority.books.accounts), 2)
        (account, _) = self.authority.books.accounts.values()
        self.assertEqual(account.contacts, ("mailto:hostmaster@example.org",))

    def test_find(self) -> None:
        """An account that is not there is not made."""
        client = self.client(register=False)
        self.assertIsNone(self.run_(client.find_account()))
        self.assertEqual(self.authority.books.accounts, {})
        url = self.client().account_url
        self.assertEqual(self.run_(client.find_account()), url)
        self.assertEqual(client.account_url, url)

    def test_terms(self) -> None:
        """Without agreement nobody is asked, and the words name the terms and the setting; where there are none, it is not needed."""
        client = self.client(register=False)
        error = self.refused(
            client.register([], terms_agreed=False, external=None), Cause.ACCOUNT, "terms_agreed = true"
        )
        self.assertIn("https://ca.test/terms", str(error))
        self.assertEqual(self.authority.asked["new-account"], 0)
        self.rules.terms = ""
        self.run_(self.client(register=False).register([], terms_agreed=False, external=None))

    def test_external(self) -> None:
        """An account without is refused in words that name the settings; one with is bound, and found later without."""
        self.rules.external = {"kid-1": EXTERNAL.secret}
        client = self.client(register=False)
        self.refused(client.register([], terms_agreed=True, external=None), Cause.EXTERNAL_ACCOUNT, "eab_key_id")
        wrong = ExternalAccount("kid-1", b"other")
        self.refused(client.register([], terms_agreed=True, external=wrong), Cause.EXTERNAL_ACCOUNT)
        url = self.run_(client.register([], terms_agreed=True, external=EXTERNAL))
        self.assertEqual(self.authority.books.accounts[url.removeprefix("https://ca.test")].external, "kid-1")
        self.assertEqual(self.run_(client.register([], terms_agreed=True, external=None)), url)

    def test_deactivated(self) -> None:
        """An account that was given up is not used, and nothing is without one."""
        client = self.client()
        for account in self.authority.books.accounts.values():
            account.status = "deactivated"
        self.refused(client.register([], terms_agreed=True, external=None), Cause.ACCOUNT)
        nobody = self.client(1, register=False)
        self.refused(nobody.order(["example.org"]), Cause.ACCOUNT, "register")

    def test_unknown_url(self) -> None:
        """An account that the authority forgot is an error of its own, so that whoever kept its address registers again."""
        directory = self.client().directory
        client = Client(self.clock, self.exchange, directory, account_key(), "https://ca.test/account/9")
        error = self.refused(client.order(["example.org"]), Cause.ACCOUNT)
        self.assertEqual(error.type, "accountDoesNotExist")


class Issuing(AcmeCase):
    """From names to a chain."""

    alternates = ("Other Root", "Third Root")

    def test_wildcard_and_apex(self) -> None:
        """One certificate for both, whose authorizations are two of the same name; it fits its key and can be read."""
        client = self.client()
        seen: list[tuple[str, str, str, str]] = []
        self.rules.validates = lambda *what: seen.append(what)
        chain = self.run_(self.issued(client, ["example.org", "*.example.org", "192.0.2.1", "2001:DB8::1"]))
        read = read_certificate(chain, private_key_pem(leaf_key()))
        self.assertEqual(read.names, ("example.org", "*.example.org", "192.0.2.1", "2001:db8::1"))
        self.assertEqual(
            [(name, type_) for name, type_, _, _ in seen][:2], [("example.org", "http-01"), ("example.org", "dns-01")]
        )
        for _, _, token, proof in seen:
            self.assertEqual(proof, key_authorization(token, client.key))

    def test_values(self) -> None:
        """The client's values of a challenge are the authority's."""
        client = self.client()
        (authorization,) = self.run_(client.authorizations(self.run_(client.order(["EXAMPLE.org."]))))
        challenge = authorization.choose(["dns-01"])
        expected = key_authorization(challenge.token, client.key)
        self.assertEqual(client.key_authorization(challenge), expected)
        self.assertEqual(client.dns_value(challenge), dns_value(expected))

    def test_no_challenge_of_ours(self) -> None:
        """Where nothing is offered that we can do, the words say what is; unknown types are never chosen."""
        self.rules.offers = ("future-01",)
        client = self.client()
        (authorization,) = self.run_(client.authorizations(self.run_(client.order(["example.org"]))))
        for types in (["http-01", "dns-01"], ["future-01"]):
            with self.assertRaisesRegex(Exception, "offers future-01"):
                authorization.choose(types)
        self.refused(client.respond(authorization.challenges[0]), Cause.UNSUPPORTED)

    def test_failed_challenge(self) -> None:
        """The error is typed, and in the authority's words."""
        client = self.client()
        for type_, cause in (
            ("dns", Cause.DNS),
            ("caa", Cause.CAA),
            ("connection", Cause.CONNECTION),
            ("tls", Cause.CONNECTION),
            ("unauthorized", Cause.UNAUTHORIZED),
            ("future", Cause.UNAUTHORIZED),
        ):
            problem = Problem(type_, "the servers said no\n")
            self.rules.validates = lambda *_, problem=problem: problem
            error = self.refused(
                self.proven(client, ["example.org"]), cause, "example.org: http-01 failed: the servers said no"
            )
            self.assertEqual(error.type, type_)

    def test_reused_authorizations(self) -> None:
        """What was proven before needs nothing: the order is ready."""
        self.rules.reuses_authorizations = True
        client = self.client()
        self.run_(self.issued(client, ["example.org"]))
        order = self.run_(client.order(["example.org"]))
        self.assertEqual(order.status, Status.READY)
        self.assertEqual([each.status for each in self.run_(client.authorizations(order))], [Status.VALID])

    def test_deactivated_authorization(self) -> None:
        """It can be given up, and that it failed matters to nobody."""
        client = self.client()
        (authorization,) = self.run_(client.authorizations(self.run_(client.order(["example.org"]))))
        self.assertTrue(self.run_(client.deactivate_authorization(authorization)))
        self.refused(client.until_valid(authorization, 5), Cause.UNAUTHORIZED, "deactivated")
        self.rules.refuses["authz"] = Problem("malformed")
        self.assertFalse(self.run_(client.deactivate_authorization(authorization)))

    def test_alternates(self) -> None:
        """The chain that leads to the preferred root is taken; where there is none, the default; and nothing is asked in vain."""
        client = self.client()
        for root, leads_to, asked in (
            (None, "Test Root", 1),
            ("Test Root", "Test Root", 1),
            ("Other Root", "Other Root", 2),
            ("Third Root", "Third Root", 3),
            ("No Root", "Test Root", 3),
        ):
            self.authority.asked.clear()
            chain = self.run_(self.issued(client, ["example.org"], root))
            top = x509.load_pem_x509_certificates(chain)[-1]
            self.assertEqual(top.issuer.rfc4514_string(), f"CN={leads_to}")
            self.assertEqual(self.authority.asked["cert"], asked)

    def test_slow_authority(self) -> None:
        """Looking and signing may take their time; Retry-After is followed, within bounds."""
        self.rules.checking, self.rules.processing = 25.0, 40.0
        for after, most in ((None, 20), (5.0, 20), (0.0, 80), (3600.0, 6)):
            self.rules.poll_after = after
            self.authority.asked.clear()
            self.run_(self.issued(self.client(), ["example.org"]))
            self.assertLess(self.authority.asked["authz"] + self.authority.asked["order"], most)

    def test_rate_limit(self) -> None:
        """Its Retry-After, in seconds or as a date, comes with the error."""
        client = self.client()
        for as_date in (False, True):
            self.authority.limit("new-order", 1, 7200, as_date=as_date)
            error = self.refused(client.order(["example.org"]), Cause.RATE_LIMITED, "too many certificates")
            self.assertEqual((error.retry_after, error.status), (7200, 429))

    def test_refused_names(self) -> None:
        """Subproblems tell which name is meant."""
        below = {
            "bad.example.org": Problem("caa", "CAA forbids"),
            "worse.example.org": Problem("rejectedIdentifier", "no"),
        }
        self.rules.refuses["new-order"] = Problem("compound", "several", 403, below)
        client = self.client()
        error = self.refused(
            client.order(["bad.example.org", "worse.example.org"]), Cause.CAA, "bad.example.org: CAA forbids"
        )
        self.assertEqual([each.cause for each in error.subproblems], [Cause.CAA, Cause.REJECTED_IDENTIFIER])

    def test_failed_order(self) -> None:
        """An order that turns invalid says why."""
        self.rules.finalize_fails = Problem("caa", "CAA was changed")
        self.refused(self.issued(self.client(), ["example.org"]), Cause.CAA, "example.org failed: CAA was changed")


class Directories(AcmeCase):
    """What a directory says of itself."""

    def test_all(self) -> None:
        """Addresses and metadata are read."""
        self.rules.external = {"kid-1": EXTERNAL.secret}
        directory = self.run_(fetch_directory(self.exchange, self.authority.directory_url))
        self.assertEqual(directory.new_order, "https://ca.test/new-order")
        self.assertEqual(directory.terms, "https://ca.test/terms")
        self.assertEqual(directory.caa_identities, ("ca.test",))
        self.assertTrue(directory.external_account_required)

    def test_names(self) -> None:
        """What is no name is never asked for."""
        client = self.client()
        for names in ([], ["exa mple.org"], ["*.*.example.org"]):
            self.failureResultOf(self.started(client.order(names)), ValueError)
        self.assertEqual(self.authority.asked["new-order"], 0)

    def test_chain_needs_request(self) -> None:
        """Without the request there is nothing to hold a certificate against."""
        client = self.client()
        order = self.run_(self.proven(client, ["example.org"]))
        self.failureResultOf(self.started(client.chain(order, None)), ValueError)
        done = self.run_(client.finalize(order, request_for(["example.org"], leaf_key()), 60))
        self.assertEqual((done.status, done.names), (Status.VALID, ("example.org",)))
