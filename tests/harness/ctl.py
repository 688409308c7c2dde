"""signetctl, run as an operator runs it."""
import json
import os
import subprocess

from .process import build_dir

PROGRAM = build_dir() / "signetctl"


def run(*arguments, env=None, stdin=None, cwd="/tmp"):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("SIGNET_", "ALIBABA_"))}
    return subprocess.run([PROGRAM, *map(str, arguments)], env={**clean, **(env or {})}, cwd=cwd, input=stdin,
                          stdin=None if stdin is not None else subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120, check=False)


class Ctl:
    """signetctl with the settings of one stack."""

    def __init__(self, stack):
        self.stack = stack
        self.env = {"SIGNET_ENDPOINT": f"http://{stack.api_env['SIGNET_API_LISTEN']}", "SIGNET_HOME": str(stack.home),
                    "SIGNET_INSTANCE": stack.instance, "SIGNET_MQTTS_LISTEN": f"0.0.0.0:{stack.tls_port}",
                    "ALIBABA_CLOUD_ACCESS_KEY_ID": stack.key_id, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": stack.secret}

    def __call__(self, *arguments, **kwargs):
        return run(*arguments, env={**self.env, **kwargs.pop("env", {})}, **kwargs)

    def ok(self, *arguments, **kwargs):
        done = self(*arguments, **kwargs)
        assert done.returncode == 0, (done.returncode, done.stdout[-3000:], done.stderr)
        return done

    def json(self, *arguments, **kwargs):
        return json.loads(self.ok(*arguments, **kwargs).stdout)

    def sni(self, *arguments, **kwargs):
        return self("onsmqtt", "SetSniConfig", "--MqttInstanceId", self.stack.instance, *arguments, **kwargs)


def refused(done, *words, status=2):
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == "" or status != 2
    for word in words:
        assert word in done.stderr, done.stderr
