"""What the console's sign-ins must not do to those who are at work at the same moment, nor to the trail."""
import subprocess
import threading

import pytest
from harness import keys
from harness.console import Page, fresh_address, write_console
from harness.expect import answered, refused
from harness.process import wait_until


@pytest.fixture
def stack(open_stack, tmp_path):
    return open_stack(env={"SIGNET_CONSOLE_DIR": write_console(tmp_path / "c")})


class Held:
    """The key's row, locked by a transaction of one's own."""

    def __init__(self, stack, key_id):
        self.psql = subprocess.Popen(["psql", "-XqAt", "-d", stack.cluster.url(stack.database, "signet_owner")],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.psql.stdin.write(f"BEGIN; SELECT 'held' FROM access_key WHERE access_key_id = '{key_id}' FOR SHARE;\n")
        self.psql.stdin.flush()
        assert self.psql.stdout.readline() == "held\n"

    def let_go(self):
        self.psql.communicate("ROLLBACK;\n", timeout=20)


def wait_for_waiting(stack, count):
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    wait_until(lambda: int(stack.sql(waiting)[0][0]) == count, what=f"{count} to wait")


@pytest.mark.parametrize("operation, params", [("UpdateAccessKey", {"Status": "Inactive"}), ("DeleteAccessKey", {})])
def test_signing_in_again_does_not_stop_who_takes_the_key_away(stack, operation, params):
    """The one waits for the key's row, the other for the session that the sign-in is to end: neither may fail for it."""
    key, page, replies = keys.make_key(stack.api, "read@*"), Page(stack.api.port, fresh_address()), {}
    assert page.sign_in(key.key_id, key.secret).status == 200
    held = Held(stack, key.key_id)
    away = threading.Thread(target=lambda: replies.update(
        away=stack.api.v3(operation, {"UserAccessKeyId": key.key_id, **params})))
    again = threading.Thread(target=lambda: replies.update(again=page.sign_in(key.key_id, key.secret)))
    try:
        for count, thread in enumerate((away, again), 1):
            thread.start()
            wait_for_waiting(stack, count)
    finally:
        held.let_go()
    away.join()
    again.join()
    answered(replies["away"], operation)
    refused(replies["again"], "InvalidAccessKeySecret", 403)
    assert stack.sql(f"SELECT * FROM console_session WHERE access_key_id = '{key.key_id}'") == []
    refused(page.session(), "ConsoleSessionExpired", 401)


def test_a_key_can_be_disabled_while_its_browsers_sign_in_without_a_pause(stack):
    key, stopped = keys.make_key(stack.api, "read@*"), threading.Event()
    pages = [Page(stack.api.port, fresh_address()) for _ in range(4)]
    statuses = [[] for _ in pages]

    def sign_in(page, seen):
        while not stopped.is_set() and (not seen or seen[-1] == 200):
            seen.append(page.sign_in(key.key_id, key.secret).status)

    threads = [threading.Thread(target=sign_in, args=pair) for pair in zip(pages, statuses)]
    for t in threads:
        t.start()
    try:
        wait_until(lambda: all(len(seen) > 5 for seen in statuses), what="the sign-ins to go on")
        keys.update(stack.api, key.key_id, Status="Inactive")
        wait_until(lambda: not any(t.is_alive() for t in threads), what="the sign-ins to be refused")
    finally:
        stopped.set()
        for t in threads:
            t.join()
    assert {seen[-1] for seen in statuses} <= {400, 403}
    assert stack.sql(f"SELECT * FROM console_session WHERE access_key_id = '{key.key_id}'") == []
    for page in pages:
        refused(page.session(), "ConsoleSessionExpired", 401)


def changes(stack):
    return stack.sql("SELECT resource FROM audit_event WHERE account_id = 1 AND action = 'CreateAccessKey'")


def test_sign_ins_do_not_push_changes_out_of_the_trail(open_stack, tmp_path):
    """Nobody needs a grant to sign in and out, so whoever has any key could wash the trail."""
    stack = open_stack(env={"SIGNET_CONSOLE_DIR": write_console(tmp_path / "c"), "SIGNET_AUDIT_EVENTS": "200"})
    key, page = keys.make_key(stack.api), Page(stack.api.port, fresh_address())
    made = changes(stack)
    assert len(made) == 1
    for _ in range(400):
        assert page.sign_in(key.key_id, key.secret).status == 200
        assert page.sign_out().status == 204
    assert changes(stack) == made
    kept = int(stack.sql("SELECT count(*) FROM audit_event WHERE account_id = 1 AND resource = 'console-session'")[0][0])
    assert 20 <= kept < 400  # some of them are; the oldest go now and then
