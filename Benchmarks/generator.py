"""The load generator, run as a process of its own."""

import json
import os
import pathlib
import subprocess

import servers

GENERATOR = pathlib.Path(os.environ.get("LOAD_GENERATOR", servers.HERE / ".build/release/LoadGenerator"))


def start(server: servers.Server | None, words: list, peer: str) -> subprocess.Popen:
    """Begins a run of the load generator; `finish` waits for what it says."""
    command = [str(GENERATOR), *map(str, words), "--peer", peer]
    if server:
        pids = ",".join(map(str, server.pids()))
        command += ["--port", str(server.port), "--publish-port", str(server.publish_port), "--pids", pids]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=servers.die_with_parent)


def finish(process: subprocess.Popen, seconds: float) -> dict:
    """The run's JSON object, or one with `error`."""
    with process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return {"error": "the generator didn't end in time"}
        if process.returncode != 0:
            return {"error": errors.strip()[-400:]}
    return json.loads(output)


def generate(server: servers.Server | None, words: list, peer: str) -> dict:
    """One whole run."""
    seconds = float(words[words.index("--seconds") + 1]) if "--seconds" in words else 5
    return finish(start(server, words, peer), seconds + 150)
