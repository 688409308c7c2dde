"""The store of a process that is killed at any moment: what was said to be committed is there, whole batches only."""
import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from harness.process import build_dir, wait_until

ROUNDS, PORTS = 50, 4


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="signet-store-") as path:
        yield Path(path) / "store"


def driver(build=None):
    return build_dir(build) / "store_driver"


def check(folder):
    """Last batch by port; the driver itself has found every row that must be there, and no other."""
    p = subprocess.run([driver(), "check", folder], capture_output=True, text=True, timeout=120)
    assert p.returncode == 0, p.stderr
    return {int(port): int(n) for port, n in map(str.split, p.stdout.splitlines())}


def killed_after(seconds, folder, sync):
    """The last batch of each port that the process had said was committed when it was killed."""
    said = folder.parent / "said"
    with said.open("w") as out:
        p = subprocess.Popen([driver(), "write", folder, sync], stdout=out, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: said.stat().st_size > 0 or p.poll() is not None)
    time.sleep(seconds)
    p.send_signal(signal.SIGKILL)
    _, errors = p.communicate(timeout=60)
    assert p.returncode == -signal.SIGKILL, errors
    lines = [line for line in said.read_text().splitlines(keepends=True) if line.endswith("\n")]
    told = {}
    for port, n in map(str.split, lines):
        assert int(n) == told.get(int(port), int(n) - 1) + 1, "answers came out of order"
        told[int(port)] = int(n)
    return told


@pytest.mark.parametrize("sync", ["write", "strict"])
def test_what_was_committed_is_there_after_a_kill(folder, sync):
    chance = random.Random(f"{sync} {os.environ.get('SIGNET_TEST_SEED', '5')}")
    before = {port: 0 for port in range(PORTS)}
    for _ in range(ROUNDS // 2):
        told = killed_after(chance.random() * 0.2, folder, sync)
        there = check(folder)
        for port in range(PORTS):
            assert there[port] >= told.get(port, before[port]), f"port {port} has lost acknowledged batches"
            assert there[port] >= before[port]
        before = there
    assert min(before.values()) > ROUNDS // 5


def test_a_kill_while_what_a_kill_has_left_is_read_and_cut(folder):
    """Also a start may be killed, at any moment."""
    chance = random.Random(9)
    told = killed_after(0.1, folder, "write")
    for _ in range(20):
        p = subprocess.Popen([driver(), "check", folder], stdout=subprocess.DEVNULL)
        time.sleep(chance.random() * 0.02)
        p.send_signal(signal.SIGKILL)
        p.wait()
    there = check(folder)
    assert all(there[port] >= n for port, n in told.items())


# ---- what several workers commit together ----

def txn_driver(build=None):
    return build_dir(build) / "store_txn_driver"


def whole_transactions(folder):
    """How many are there; the driver itself has found all rows of each, and no gap in a worker's rows."""
    p = subprocess.run([txn_driver(), "check", folder], capture_output=True, text=True, timeout=120)
    assert p.returncode == 0, p.stderr
    return [int(n) for n in p.stdout.split()]


def test_a_transaction_is_there_whole_or_not_at_all_after_a_kill(folder):
    chance, there = random.Random(f"txn {os.environ.get('SIGNET_TEST_SEED', '5')}"), []
    for n in range(ROUNDS // 2):
        round_folder = folder.parent / f"store{n}"
        p = subprocess.Popen([txn_driver(), "write", round_folder, "0", str(n)], stderr=subprocess.PIPE, text=True)
        wait_until(lambda: list(round_folder.glob("*.log")) or p.poll() is not None)  # pylint: disable=cell-var-from-loop
        time.sleep(chance.random() * 0.2)
        p.send_signal(signal.SIGKILL)
        _, errors = p.communicate(timeout=60)
        assert p.returncode == -signal.SIGKILL, errors
        there.append(whole_transactions(round_folder)[0])
    assert sum(n > 0 for n in there) > ROUNDS // 10, there


@pytest.mark.parametrize("build", [None, "tsan"])
def test_transactions_of_four_workers_lose_nothing_and_starve_nobody(folder, build):
    """At full speed: every batch is committed while the others go on, none only when they end. Machines stall for a second."""
    if build is not None and not txn_driver(build).exists():
        pytest.skip(f"{txn_driver(build)} is not built")
    p = subprocess.run([txn_driver(build), "write", folder, "10", "7"], capture_output=True, text=True, timeout=120)
    assert p.returncode == 0, p.stderr
    made, rows, longest_us = map(int, p.stdout.split())
    print(f"{made} transactions, {rows} rows, the longest wait {longest_us} us")
    assert whole_transactions(folder) == [made, rows]
    assert made > 100 and longest_us < 5_000_000


def small_file_system(size):
    """A tmpfs of this many bytes, in a mount name space of the shell that runs what follows."""
    return ["unshare", "--mount", "--user", "--map-root-user", "sh", "-c",
            f'mount -t tmpfs -o size={size} tmpfs "$1" && shift && exec "$@"', "sh"]


def test_a_full_disk_takes_nothing_and_loses_nothing(tmp_path):
    """One process fills the file system beside the store's; then there is room again, and the store goes on."""
    mount = tmp_path / "small"
    mount.mkdir()
    if subprocess.run([*small_file_system("1m"), mount, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mount name spaces for this user")
    script = tmp_path / "story.sh"
    script.write_text(STORY)
    p = subprocess.run([*small_file_system("160m"), mount, "sh", script, driver(), mount, tmp_path / "out"], capture_output=True,
                       text=True, timeout=240)
    assert p.returncode == 0, p.stderr
    assert "cannot be written: No space left on device" in p.stderr
    assert p.stderr.count("cannot be written") == 1, "one line, not one a retry"
    assert p.stderr.count("can be written again") == 1
    assert [line.split()[1] for line in p.stdout.splitlines()] == ["4000"] * PORTS


# Fills all but 8 MB, lets the driver run into the wall, sees that it says nothing more, and makes room.
STORY = r"""
driver=$1 mount=$2 out=$3
head -c 152M /dev/zero >"$mount/ballast"
: >"$out.err"
"$driver" write "$mount/store" write 4000 >"$out" 2>"$out.err" &
until grep -q 'cannot be written' "$out.err"; do sleep 0.05; kill -0 $! || { cat "$out.err" >&2; exit 1; }; done
sleep 0.2
before=$(wc -l <"$out")
sleep 2.5
[ "$before" = "$(wc -l <"$out")" ] || { echo "said something was committed" >&2; exit 1; }
rm "$mount/ballast"
wait $! || { cat "$out.err" >&2; exit 1; }
cat "$out.err" >&2
[ "$(wc -l <"$out")" = 16000 ] || { echo "not all were told" >&2; exit 1; }
exec "$driver" check "$mount/store"
"""
