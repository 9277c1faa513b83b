from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from couchpages.dns import codes
from couchpages.dns.names import from_text
from couchpages.dns.plan import Plan, Replacement, adding
from couchpages.dns.records import Record, document_id
from couchpages.dns.submission import WantedSet

NAMES = st.sampled_from([from_text(f"{label}.example.org") for label in "abc"])
RECORDS = st.builds(
    Record,
    st.just(7),
    NAMES,
    st.just(codes.A),
    st.integers(0, 3),
    st.binary(min_size=4, max_size=4).map(lambda data: data[:3] + b"\0"),
    disabled=st.booleans(),
    flag=st.sampled_from([None, "Geo=US"]),
)
EXISTING = st.dictionaries(st.text("xyz", min_size=1, max_size=3), RECORDS, max_size=6)


def carried_out(existing: dict[str, Record], plan: Plan) -> dict[str, Record]:
    """Give the documents after a plan."""
    left = {doc_id: record for doc_id, record in existing.items() if doc_id not in plan.gone}
    return {**left, **plan.put}


class PlanTests(SynchronousTestCase):
    """What is written and deleted for a change."""

    @settings(deadline=None)
    @given(EXISTING, RECORDS)
    def test_adding(self, existing: dict[str, Record], record: Record) -> None:
        """The record is there afterwards, once more if not yet; its set has one TTL; a second time nothing is to be done."""
        record = replace(record, disabled=False)
        at_name = {doc_id: each for doc_id, each in existing.items() if each.owner == record.owner}
        after = carried_out(at_name, adding(at_name.items(), record))
        living = [each for each in after.values() if not each.disabled]
        self.assertIn((record.rdata, record.flag), [(each.rdata, each.flag) for each in living])
        self.assertEqual({each.ttl for each in living}, {record.ttl})
        again = adding(after.items(), record)
        self.assertEqual(again.counts, {"added": 0, "changed": 0, "removed": 0})

    @settings(deadline=None)
    @given(EXISTING, st.lists(RECORDS, max_size=6), st.booleans())
    def test_replacing(self, existing: dict[str, Record], wanted: list[Record], everything: bool) -> None:
        """What is wanted is there, each set with its TTL; disabled records stay; a second time nothing is to be done."""
        by_name = {record.owner: record for record in wanted}
        sets = [
            WantedSet(
                owner,
                codes.A,
                tuple(replace(each, ttl=last.ttl, disabled=False, flag=None) for each in wanted if each.owner == owner),
            )
            for owner, last in by_name.items()
        ]

        def plan(documents: dict[str, Record]) -> Plan:
            making = Replacement(everything=everything, serial=1)
            self.assertTrue(all(making.want(each) for each in sets))
            for doc_id, record in documents.items():
                making.see(doc_id, record)
            for record in list(making.wanted):
                making.finish(record)
            return making.plan

        after = carried_out(existing, plan(existing))
        found = {
            (each.owner, each.ttl, each.rdata)
            for each in after.values()
            if not each.disabled and (everything or each.owner in by_name)
        }
        self.assertEqual(found, {(each.owner, each.ttl, each.rdata) for one in sets for each in one.records})
        ours = {document_id(record) for one in sets for record in one.records}
        stayed = [doc_id for doc_id, record in existing.items() if record.disabled and doc_id not in ours]
        self.assertEqual([after[doc_id] for doc_id in stayed], [existing[doc_id] for doc_id in stayed])
        self.assertEqual(plan(after).counts, {"added": 0, "changed": 0, "removed": 0})
