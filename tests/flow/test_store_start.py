"""What a broker does with its store when it starts: says what is wrong with it and ends, and touches nothing then."""
import fcntl
import os

import pytest
from harness.homes import name
from harness.metrics import scrape

SEGMENT = "0000000000000001.log"


@pytest.fixture
def stack(open_stack):
    return open_stack()


def folder(stack):
    return stack.home / "mqtt" / stack.instance


def does_not_start(stack, *told, **env):
    stack.broker.env = {**stack.broker_env, **env}
    stack.broker.start()
    assert stack.broker.popen.wait(20) == 1
    text = stack.broker.text()
    stack.broker.popen = None
    assert "cannot start" in text and all(t in text for t in told), text


def keep_something(stack):
    """A persistent session that has gone."""
    c = stack.client(name(), tls=False, clean=False)
    c.subscribe("kept/#", 1)
    c.close()
    stack.broker.stop()


# ---- refusals ----

def test_an_unknown_word_ends_the_start(stack):
    stack.broker.stop()
    does_not_start(stack, "SIGNET_STORE_SYNC", SIGNET_STORE_SYNC="sometimes")


def test_a_damaged_store_ends_the_start_and_is_left_as_it_is(stack):
    keep_something(stack)
    file = folder(stack) / SEGMENT
    whole = file.read_bytes()
    file.write_bytes(whole[:60] + bytes([whole[60] ^ 1]) + whole[61:])
    does_not_start(stack, "is damaged", SEGMENT, "move it away")
    assert file.read_bytes() == whole[:60] + bytes([whole[60] ^ 1]) + whole[61:]
    file.write_bytes(whole)
    stack.start_broker()
    assert scrape(stack)["store_up"] == 1


def test_a_folder_of_something_else_ends_the_start(stack):
    stack.broker.stop()
    other = stack.home / "letters"
    other.mkdir()
    (other / "dear.txt").write_text("dear")
    does_not_start(stack, "dear.txt", SIGNET_STORE_DIR=other)
    assert os.listdir(other) == ["dear.txt"]


def test_a_folder_that_another_process_has_ends_the_start(stack):
    stack.broker.stop()
    held = os.open(folder(stack), os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        does_not_start(stack, "another process has it")
    finally:
        os.close(held)
    stack.start_broker()


# ---- and what goes right ----

def test_the_folder_is_for_its_user_only(stack):
    assert oct(folder(stack).stat().st_mode & 0o777) == "0o700"
    for file in folder(stack).iterdir():
        assert oct(file.stat().st_mode & 0o777) == "0o600", file


@pytest.mark.parametrize("sync", ["write", "strict"])
def test_what_a_killed_broker_was_writing_is_cut_off_and_said(open_stack, sync):
    stack = open_stack(env={"SIGNET_STORE_SYNC": sync})
    keep_something(stack)
    with (folder(stack) / SEGMENT).open("ab") as f:
        f.write(b"SGf1 half a batch")
    stack.start_broker()
    assert "17 bytes at its end were not written whole" in stack.broker.text()
    assert scrape(stack)["store_up"] == 1


def test_off_keeps_nothing(open_stack):
    stack = open_stack(env={"SIGNET_STORE_SYNC": "off"})
    keep_something(stack)
    assert not folder(stack).exists()
    stack.start_broker()
    assert scrape(stack)["store_up"] == 0
