"""docs/authentication-modes.md as a reader follows it: every block, in order; and what the broker has seen of it."""
from harness.process import ROOT
from harness.reader import Reader, blocks

GUIDE = ROOT / "docs" / "authentication-modes.md"


def test_every_line_of_the_page_works(stack, tmp_path):
    empty, notes = tmp_path / "empty", tmp_path / "notes"
    empty.mkdir()
    notes.mkdir()
    page = blocks(GUIDE)
    with Reader(stack, empty, notes) as reader:
        for _, block in page:
            reader.types(block.replace("-p 1883", f"-p {stack.tcp_port}"))
    status = stack.status()
    assert len(page) == 9
    assert status["counters"]["connects"] == 5  # one a mode, and the one of Custom that may not publish
    assert status["refused"]["token_revoked"] == status["refused"]["bad_login"] == status["refused"]["black_listed"] == 1
    assert stack.sql("SELECT count(*) FROM custom_permission, custom_identity") == [["0"]]
