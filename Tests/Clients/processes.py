"""Starts real `sluice` processes on free ports in a directory of their own, kills and restarts them."""

import json
import os
import pathlib
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import httpx

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("SLUICE_BINARY", ".build/debug/sluice"))
if not BINARY.is_absolute():
    BINARY = ROOT / BINARY
PATIENCE = 30


def eventually(check, within=PATIENCE, what="the expected state"):
    """Asks until the answer is true, and returns it; the time-out is only for the case of failure."""
    end = time.monotonic() + within
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come within {within} s")
        time.sleep(0.02)


def environment():
    return {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}


class Process:
    """One `sluice` process; `address` is where it says that it listens."""

    def __init__(self, arguments, variables=None):
        self.arguments = arguments
        self.log = []
        self._listening = queue.Queue()
        self.process = subprocess.Popen(
            [BINARY, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment(), **(variables or {})},
            text=True,
        )
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True) for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in self._readers:
            reader.start()
        self.address = None

    def _read(self, stream):
        for line in stream:
            self.log.append(line.rstrip("\n"))
            if line.startswith("listening "):
                self._listening.put(line.split()[1])
        if stream is self.process.stdout:
            self._listening.put(None)

    def started(self):
        self.address = self._listening.get(timeout=PATIENCE)
        assert self.address, "the process ended before it listened:\n" + "\n".join(self.log[-30:])
        return self

    def ready(self):
        def ask():
            try:
                return httpx.get(self.address + "/readyz").status_code == 200
            except httpx.TransportError:
                return False

        eventually(ask, what=f"readiness of {self.arguments[0]}")
        return self

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1].split("/")[0])

    def ended(self):
        """Waits for the end of a process that can't run; its exit code and what it said."""
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join(PATIENCE)
        return code, "\n".join(self.log)

    def kill(self):
        self.process.kill()
        return self.process.wait(PATIENCE)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE * 2)


class Sluice:
    """A data directory with its processes."""

    def __init__(self, semantics="sqs"):
        self.semantics = semantics
        self.directory = tempfile.mkdtemp(prefix="sluice-")
        self.processes = []
        self.gateway = None
        self.publisher = None

    def common(self):
        return ["--data", self.directory, "--queue", self.semantics]

    def start_gateway(self, *flags, port=0):
        flags = [*flags] if "--drain-window" in flags else [*flags, "--drain-window", "200ms"]
        self.gateway = self._start(["gateway", *self.common(), "--port", str(port), *flags])
        return self.gateway

    def start_publisher(self, *flags):
        self.publisher = self._start(["publisher", *self.common(), *flags])
        return self.publisher

    def start(self, *gateway_flags):
        self.start_gateway(*gateway_flags)
        self.start_publisher()
        self.gateway.ready()
        self.publisher.ready()
        return self

    def _start(self, arguments):
        process = Process(arguments)
        self.processes.append(process)
        return process.started()

    def url(self, query=""):
        return f"ws://127.0.0.1:{self.gateway.port}/ws{query}"

    def publish(self, topic, data):
        answer = httpx.post(f"{self.gateway.address}/topics/{topic}", json=data, timeout=PATIENCE)
        assert answer.status_code == 202, answer.text
        return answer.json()["sequence"]

    def command(self, *arguments):
        """Runs a command on the data directory and returns what it printed as JSON."""
        result = subprocess.run(
            [BINARY, *arguments, *self.common(), "--json"], capture_output=True, text=True, timeout=PATIENCE, env=environment()
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def stop(self):
        for process in self.processes:
            if process.process.poll() is None:
                process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
