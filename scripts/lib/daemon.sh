# shellcheck shell=bash
# daemon: starts and stops a program in the background. Needs base.sh and a home (home.sh).
#
# run/<name>.pid holds the process ID. started/<name> holds what that process was: its start time (so that a number that
# the system has given to another process is never killed), what it was started with (so that a new binary or another setting
# is noticed) and where it listens.
DAEMON_LOG_MAX=$((16 * 1024 * 1024))

daemon_pid() { # NAME: prints the process ID; false unless that very process runs
        local pid argv0
        [ -r "$RUN_DIR/$1.pid" ] && read -r pid <"$RUN_DIR/$1.pid" || return 1
        [[ $pid =~ ^[1-9][0-9]*$ ]] && [ -r "/proc/$pid/cmdline" ] || return 1
        IFS= read -r -d '' argv0 2>/dev/null <"/proc/$pid/cmdline" || return 1
        [ "${argv0##*/}" = "$1" ] || return 1
        [ "$(daemon_start_time "$pid")" = "$(daemon_recorded "$1" start_time)" ] || return 1
        printf '%s\n' "$pid"
}

daemon_start_time() { # PID: field 22 of /proc/PID/stat; the name before it may hold anything
        local stat
        stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
        printf '%s\n' "${stat##*) }" | cut -d ' ' -f 20
}

daemon_recorded() { # NAME KEY
        sed -n "s/^$2=//p" "$HOME_DIR/started/$1" 2>/dev/null || true
}

# Of the binary, of the console and of every setting (signetctl's and scripts/up's own aside), so that a change of any is seen.
# The console's index.html names every other file by its content.
daemon_fingerprint() { # BINARY
        { sha256sum <"$1" && { sha256sum "${SIGNET_CONSOLE_DIR:-}/index.html" 2>/dev/null || true; } && env | LC_ALL=C sort | grep '^SIGNET_' |
                grep -vE '^SIGNET_(ENDPOINT|CACERT|TIMEOUT_SECONDS|PROGRAMS|ROOT)='; } | sha256sum | cut -d ' ' -f 1
}

# Starts it unless it runs already with the same binary and settings. LISTEN: its addresses, in one word each.
daemon_start() { # NAME BINARY LISTEN…
        local name=$1 binary=$2 pid fingerprint
        shift 2
        fingerprint=$(daemon_fingerprint "$binary")
        if daemon_pid "$name" >/dev/null; then
                [ "$(daemon_recorded "$name" fingerprint)" != "$fingerprint" ] || return 0
                step "restarting $name (its program or its settings have changed)"
                daemon_stop "$name"
        else
                step "starting $name"
        fi
        daemon_rotate_log "$LOG_DIR/$name.log"
        (cd / && exec setsid -- "$binary" </dev/null >>"$LOG_DIR/$name.log" 2>&1 9>&-) &
        pid=$!
        daemon_settle "$pid" "$binary"
        printf '%s\n' "start_time=$(daemon_start_time "$pid")" "fingerprint=$fingerprint" "listen=$*" \
                >"$HOME_DIR/started/$name"
        daemon_write_pid "$name" "$pid"
}

# Until the process has become the program (the shell's child execs setsid, which execs it), or has ended.
daemon_settle() { # PID BINARY
        local argv0
        for _ in {1..100}; do
                IFS= read -r -d '' argv0 2>/dev/null <"/proc/$1/cmdline" || return 0
                [ "$argv0" != "$2" ] || return 0
                sleep 0.02
        done
}

# The service user owns run/, so root must not write through a link there: a new file takes the old one's place.
daemon_write_pid() { # NAME PID
        local new
        new=$(mktemp "$RUN_DIR/.pid.XXXXXX")
        printf '%s\n' "$2" >"$new"
        chmod 0644 -- "$new"
        mv -fT -- "$new" "$RUN_DIR/$1.pid"
}

daemon_rotate_log() { # LOG
        if [ -f "$1" ] && [ "$(stat -c %s -- "$1")" -gt "$DAEMON_LOG_MAX" ]; then
                mv -f -- "$1" "$1.1"
        fi
}

# TERM, ten seconds, then KILL. Nothing when it does not run.
daemon_stop() { # NAME
        local pid
        if pid=$(daemon_pid "$1"); then
                kill -TERM "$pid"
                for _ in {1..200}; do
                        daemon_pid "$1" >/dev/null || break
                        sleep 0.05
                done
                ! daemon_pid "$1" >/dev/null || kill -KILL "$pid"
        fi
        rm -f -- "$RUN_DIR/$1.pid" "$HOME_DIR/started/$1"
}

# Waits until a command succeeds; dies with the log's end when the daemon ends or the time is over.
daemon_wait() { # NAME SECONDS COMMAND…
        local name=$1 until=$((SECONDS + $2))
        shift 2
        until "$@" >/dev/null 2>&1; do
                daemon_pid "$name" >/dev/null || daemon_failed "$name" "has ended"
                [ "$SECONDS" -lt "$until" ] || daemon_failed "$name" "is not ready"
                sleep 0.1
        done
}

daemon_failed() { # NAME WHAT
        tail -n 20 -- "$LOG_DIR/$1.log" >&2
        die "$1 $2; see $LOG_DIR/$1.log"
}
