"""The conformance tables: complete, true to the tests, and the documents made of them up to date."""
from collections import Counter

import conformance
import pytest

VERSIONS = pytest.mark.parametrize("version", conformance.STANDARDS)


@VERSIONS
def test_every_number_of_the_standard_has_its_row_and_in_its_order(version):
    assert [r.number for r in conformance.rows(version)] == conformance.numbers(version)


def test_the_standards_have_as_many_statements_as_they_have():
    assert {v: len(conformance.numbers(v)) for v in conformance.STANDARDS} == {"3.1.1": 141, "5.0": 251}


@VERSIONS
def test_every_row_names_tests_or_says_why_not(version):
    for r in conformance.rows(version):
        assert r.whom in conformance.WHOM, r.number
        assert r.words and (r.tests or len(r.reason) > 10), f"{r.number} is empty"
        assert not [t for t, n in Counter(r.tests).items() if n > 1], f"{r.number} names a test twice"


@VERSIONS
def test_every_test_that_is_named_exists(version):
    missing = [f"{r.number}: {path.name}::{name}" for r in conformance.rows(version) for path, name in r.tests
               if not path.exists() or name not in conformance.functions(path)]
    assert not missing, missing


@VERSIONS
def test_the_document_is_up_to_date(version):
    """tests/flow/conformance.py writes it."""
    assert conformance.path_of(version).read_text(encoding="utf-8") == conformance.document(version)
