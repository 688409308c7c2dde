# SPDX-License-Identifier: Apache-2.0
"""domains_table: the figures of domains.py beside what was aimed at."""

AIMS = {"start_s": 3.0, "start_mb": 300.0, "versus_one": 1.05, "versus_bare": 1.15, "spray_mb": 4.0}


def verdict(value, aim):
    return "met" if value <= aim else "MISSED"


def table(o, f):
    rows = [("figure", "value", "aim", "")]

    def row(what, value, form, aim=None):
        rows.append(
            (
                what,
                form.format(value),
                form.format(aim) if aim is not None else "",
                verdict(value, aim) if aim is not None else "",
            )
        )

    row("broker start to the first right handshake", f["start_s"], "{:.2f} s", AIMS["start_s"])
    row("  its memory then (RSS)", f["start_mb"], "{:.0f} MB", AIMS["start_mb"])
    row("  at its highest", f["start_peak_mb"], "{:.0f} MB")
    row("  CPU until then", f["start_cpu_s"], "{:.2f} s")
    row("memory when every certificate was used once", f["rss_warm_mb"], "{:.0f} MB")
    row("one changed entry: COMMIT to new certificate received", f["change_commit_ms"], "{:.0f} ms")
    row("  COMMIT to the API's answer", f["change_answer_after_commit_ms"], "{:.0f} ms")
    row("  the whole SetSniConfig call", f["change_call_s"], "{:.2f} s")
    row(
        f"  old certificate after the answer (of {f['change_probes']} handshakes)",
        f["change_stale"],
        "{:d}",
        0,
    )
    row("  handshakes that failed meanwhile", f["change_failed"], "{:d}", 0)
    row("a certificate's first handshake, server CPU", f["first_use_us"], "{:.0f} us")
    for version in ("1.3", "1.2"):
        c = f[version]
        row(f"TLS {version} full handshake, {o.domains} domains, server CPU", c["us"]["many"], "{:.0f} us")
        row("  with 1 domain", c["us"]["one"], "{:.0f} us")
        row("  bare OpenSSL server", c["us"]["bare"], "{:.0f} us")
        row(f"  {o.domains} domains / 1 domain", c["ratio"]["one"], "{:.3f}", AIMS["versus_one"])
        row(f"  {o.domains} domains / bare", c["ratio"]["bare"], "{:.3f}", AIMS["versus_bare"])
    memory = f["spray_rss_kb"]
    row(
        f"memory gained by {o.spray_full + o.spray_hello + o.spray} unknown names",
        (memory[-1] - memory[0]) / 1024,
        "{:+.1f} MB",
        AIMS["spray_mb"],
    )
    row(f"  by {o.spray_full} in full handshakes", memory[1] - memory[0], "{:+d} kB")
    row(f"  by {o.spray_hello} up to the ServerHello", memory[2] - memory[1], "{:+d} kB")
    row(f"  by {o.spray // 10} up to an alert after the look-up", memory[3] - memory[2], "{:+d} kB")
    row(f"  by {o.spray - o.spray // 10} more of these", memory[4] - memory[3], "{:+d} kB")
    widths = [max(len(r[i]) for r in rows) for i in range(4)]
    return "\n".join(
        "  ".join((r[0].ljust(widths[0]), r[1].rjust(widths[1]), r[2].rjust(widths[2]), r[3])).rstrip()
        for r in rows
    )
