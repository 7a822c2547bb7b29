"""client.js with real processes, in Chromium and Node, over both transports: proxies that know no WebSockets, kills, networks that go and come,
tokens that end, connections that grow too old, and pages of other origins."""

import functools
import http.server
import json
import random
import shutil
import socket
import subprocess
import threading

import httpx
import pytest

from chromium import PROGRAM, Chromium
from processes import ROOT, Sluice, eventually
from test_authorization import SECRET, token

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node isn't installed")
needs_browser = pytest.mark.skipif(PROGRAM is None, reason="Chromium isn't installed")


class Proxy:
    """Passes HTTP on, and no WebSocket: it refuses the upgrade, or takes it and says nothing any more."""

    def __init__(self, port, swallows=False):
        self.target, self.swallows, self.upgrades = port, swallows, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self.connections = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        try:
            while True:
                client, _ = self.listener.accept()
                self.connections.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()
        except OSError:
            pass

    def _serve(self, client):
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                part = client.recv(65536)
                if not part:
                    return client.close()
                head += part
            # A browser asks for a WebSocket with a connection's first request.
            if b"\r\nupgrade: websocket" in head.lower():
                self.upgrades += 1
                if not self.swallows:
                    client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    client.close()
                return
            upstream = socket.create_connection(("127.0.0.1", self.target))
            self.connections.append(upstream)
            upstream.sendall(head)
            threading.Thread(target=self._pipe, args=(upstream, client), daemon=True).start()
            self._pipe(client, upstream)
        except OSError:
            client.close()

    def _pipe(self, source, target):
        try:
            while part := source.recv(65536):
                target.sendall(part)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        for one in self.connections:
            one.close()


class Page:
    """An empty page of an origin of its own."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!doctype html><title>elsewhere</title>")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def origin(self, host="127.0.0.1"):
        return f"http://{host}:{self.server.server_port}"

    def stop(self):
        self.server.shutdown()


@pytest.fixture(scope="module")
def browser():
    browser = Chromium()
    yield browser
    browser.close()


def begin(tab, address="", **options):
    """Connects in a tab, as `client`; what it is told is in `seen`, `states`, `gaps` and `errors`."""
    given = ", ".join(f"{name}: {value}" for name, value in options.items())
    tab.until("document.readyState === 'complete'")
    return tab.evaluate(
        f"""import({json.dumps(address + "/client.js")}).then(({{ connect }}) => {{
            Object.assign(globalThis, {{ seen: [], states: [], gaps: [], errors: [] }});
            globalThis.client = connect({{
                minimumDelay: 20, maximumDelay: 200, onState: (state) => states.push(state), onGap: (gap) => gaps.push(gap),
                onError: (error) => errors.push(error.code), {given}
            }});
            return client.subscribe("t", (event) => seen.push(event.data)).ready;
        }})"""
    )


@needs_browser
@pytest.mark.parametrize("swallows", [False, True], ids=["refused", "swallowed"])
def test_where_the_websocket_is_blocked_server_sent_events_come(sluice, browser, swallows):
    sluice.start()
    proxy = Proxy(sluice.gateway.port, swallows)
    tab = browser.open(proxy.address + "/healthz")
    begin(tab, connectTimeout=500 if swallows else 10_000)
    assert tab.evaluate("client.transport") == "sse"
    tried = proxy.upgrades
    assert tried == (1 if swallows else 2)
    assert tab.evaluate("client.publish('t', 'mine').then(({ sequence }) => sequence)") == 1
    sluice.publish("t", "theirs")
    tab.until("seen.length === 2")
    assert tab.evaluate("seen") == ["mine", "theirs"]
    # The next page knows, and so does a reload.
    tab.call("Page.navigate", url=proxy.address + "/healthz?again")
    tab.until("location.search === '?again' && document.readyState === 'complete'")
    begin(tab)
    assert (tab.evaluate("client.transport"), proxy.upgrades) == ("sse", tried)
    tab.evaluate("client.close()")
    proxy.stop()


@needs_browser
def test_a_gateway_that_restarts_is_not_taken_for_a_blocked_websocket(sluice, browser):
    sluice.start()
    tab = browser.open(sluice.gateway.address + "/healthz")
    begin(tab)
    port = sluice.gateway.port
    for number in range(3):
        sluice.gateway.kill()
        tab.until("states.filter((state) => state === 'waiting').length > 2")
        sluice.start_gateway(port=port).ready()
        tab.until("client.state === 'open'")
        sluice.publish("t", number)
        tab.until(f"seen.length === {number + 1}")
        assert tab.evaluate("client.transport") == "websocket"
        tab.evaluate("states.length = 0")
    assert tab.evaluate("[seen, gaps, errors]") == [[0, 1, 2], [], []]
    tab.evaluate("client.close()")


@needs_browser
@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_a_page_that_was_offline_gets_what_it_missed_when_the_network_is_back(sluice, browser, transport):
    sluice.start()
    tab = browser.open(sluice.gateway.address + "/healthz")
    # Whoever waits for its own time waits for ever here: it is the network's word that brings it back.
    begin(tab, transport=f"'{transport}'", minimumDelay=600_000, maximumDelay=600_000)
    tab.call("Network.enable")
    offline = functools.partial(tab.call, "Network.emulateNetworkConditions", latency=0, downloadThroughput=-1, uploadThroughput=-1)
    sluice.publish("t", 1)
    tab.until("seen.length === 1")
    for number in (2, 4):
        offline(offline=True)
        tab.until("!navigator.onLine")
        # What is open when the network goes isn't cut by the browser's emulation: the gateway's end does it.
        port = sluice.gateway.port
        sluice.gateway.kill()
        tab.until("client.state === 'waiting'")
        sluice.start_gateway(port=port).ready()
        sluice.publish("t", number)
        sluice.publish("t", number + 1)
        offline(offline=False)
        tab.until(f"seen.length === {number + 1}")
    assert tab.evaluate("[seen, gaps, errors]") == [[1, 2, 3, 4, 5], [], []]
    tab.evaluate("client.close()")


@needs_browser
@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_a_page_that_is_looked_at_again_comes_back_at_once(sluice, browser, transport):
    sluice.start()
    tab = browser.open(sluice.gateway.address + "/healthz")
    begin(tab, transport=f"'{transport}'", minimumDelay=600_000, maximumDelay=600_000)
    tab.evaluate("Object.defineProperty(document, 'visibilityState', { configurable: true, value: 'hidden' })")
    port = sluice.gateway.port
    sluice.gateway.kill()
    tab.until("client.state === 'waiting'")
    sluice.start_gateway(port=port).ready()
    sluice.publish("t", 1)
    # Hidden, it stays as it is.
    tab.evaluate("document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
    assert tab.evaluate("client.state") == "waiting"
    tab.evaluate("delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))")
    tab.until("seen.length === 1")
    assert tab.evaluate("[seen, gaps, errors, states]") == [[1], [], [], ["connecting", "open", "waiting", "connecting", "open"]]
    tab.evaluate("client.close()")


# Tokens that the page makes itself, each of so many seconds.
TOKENS = """
globalThis.asked = 0;
globalThis.getToken = async (seconds) => {
    asked += 1;
    const text = (value) => btoa(typeof value === "string" ? value : JSON.stringify(value)).replace(/=/g, "").replace(/\\+/g, "-").replace(/\\//g, "_");
    const claims = { sub: "page", exp: Math.floor(Date.now() / 1000) + seconds, sluice: { subscribe: ["#"], publish: ["#"] } };
    const body = `${text({ alg: "HS256", typ: "JWT" })}.${text(claims)}`, bytes = new TextEncoder();
    const key = await crypto.subtle.importKey("raw", bytes.encode(SECRET), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    return `${body}.${text(String.fromCharCode(...new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes.encode(body)))))}`;
};
"""


def publishing(sluice, bearer):
    """Publishes numbers to `t` until it is told to stop; returns how many."""
    stop, count = threading.Event(), [0]

    def run():
        with httpx.Client(headers={"Authorization": f"Bearer {bearer}"}, timeout=30) as client:
            while not stop.is_set():
                assert client.post(f"{sluice.gateway.address}/topics/t", json=count[0]).status_code == 202
                count[0] += 1
                stop.wait(0.02)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def end():
        stop.set()
        thread.join(30)
        return count[0]

    return end


@needs_browser
def test_a_token_is_renewed_on_the_connection_that_there_is(sluice, browser):
    sluice.start("--authorizer", "jwt", "--jwt-secret", SECRET, "--jwt-leeway", "0", "--token-warning", "2s")
    tab = browser.open(sluice.gateway.address + "/healthz")
    tab.evaluate(TOKENS.replace("SECRET", json.dumps(SECRET)))
    begin(tab, transport="'websocket'", getToken="() => getToken(4)")
    connection = tab.evaluate("client.connectionId")
    end = publishing(sluice, token(SECRET, publish=["#"]))
    # Three times the life of the first one.
    tab.until("asked >= 5", "five tokens")
    count = end()
    tab.until(f"seen.length === {count}")
    assert tab.evaluate("[seen, gaps, errors, states]") == [list(range(count)), [], [], ["connecting", "open"]]
    assert tab.evaluate("client.connectionId") == connection
    tab.evaluate("client.close()")


@needs_browser
def test_a_stream_whose_token_ends_goes_on_with_the_next(sluice, browser):
    sluice.start("--authorizer", "jwt", "--jwt-secret", SECRET, "--jwt-leeway", "0")
    tab = browser.open(sluice.gateway.address + "/healthz")
    tab.evaluate(TOKENS.replace("SECRET", json.dumps(SECRET)))
    begin(tab, transport="'sse'", getToken="() => getToken(3)")
    end = publishing(sluice, token(SECRET, publish=["#"]))
    tab.until("asked >= 4", "four tokens")
    count = end()
    tab.until(f"seen.length === {count}")
    assert tab.evaluate("[seen, gaps, errors]") == [list(range(count)), [], []]
    # With one that has ended meanwhile a publish goes too.
    assert tab.evaluate("client.publish('t', 'last').then(({ sequence }) => sequence)") == count + 1
    tab.evaluate("client.close()")


@needs_browser
def test_a_connection_that_grows_too_old_is_replaced_before(sluice, browser):
    sluice.start("--maximum-connection-age", "3s")
    tab = browser.open(sluice.gateway.address + "/healthz")
    begin(tab, transport="'websocket'")
    first = tab.evaluate("client.connectionId")
    end = publishing(sluice, "none")
    known = {first}

    def look():
        known.add(tab.evaluate("client.connectionId ?? ''"))
        return len(known) >= 4

    eventually(look, what="three more connections")
    count = end()
    tab.until(f"seen.length === {count}")
    # Nobody has seen it go.
    assert tab.evaluate("[seen, gaps, errors, states]") == [list(range(count)), [], [], ["connecting", "open"]]
    tab.evaluate("client.close()")


@needs_browser
@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_a_page_of_an_allowed_origin_imports_the_client_and_uses_it_and_no_other_does(sluice, browser, transport):
    page, stranger = Page(), Page()
    sluice.start("--allowed-origins", page.origin())
    tab = browser.open(page.origin())
    begin(tab, sluice.gateway.address, transport=f"'{transport}'")
    assert tab.evaluate("client.publish('t', 'from afar').then(({ sequence }) => sequence)") == 1
    tab.until("seen.length === 1")
    tab.evaluate("client.close()")

    other = browser.open(stranger.origin())
    other.until("document.readyState === 'complete'")
    refused = other.evaluate(f"import('{sluice.gateway.address}/client.js').then(() => 'imported', (error) => error.name)")
    assert refused == "TypeError"
    # With a client of its own it gets no further.
    source = {path.name: path.read_text() for path in (ROOT / "Sources/Gateway/Demo").glob("client*.js")}
    result = other.evaluate(
        f"""(async () => {{
            const source = {json.dumps(source)}, urls = {{}};
            const load = (name) => urls[name] ??= URL.createObjectURL(new Blob([
                source[name].replace(/ from "\\.\\/(client[-a-z]*\\.js)"/g, (_, part) => ` from "${{load(part)}}"`),
            ], {{ type: "text/javascript" }}));
            const {{ connect }} = await import(load("client.js"));
            const states = [], client = connect("{sluice.gateway.address}/", {{
                transport: "{transport}", minimumDelay: 5, maximumDelay: 5, onError() {{}}, onState: (state) => states.push(state),
            }});
            client.subscribe("t", () => states.push("event"));
            const end = Date.now() + 10_000;
            while (states.length < 6 && client.state !== "closed" && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
            client.close();
            return states;
        }})()"""
    )
    assert "waiting" in result or "closed" in result
    assert "event" not in result and (transport == "sse" or "open" not in result)
    page.stop(), stranger.stop()


def node(directory, script, *arguments):
    """A module that runs in Node beside the client, as somebody has it who took the files."""
    for file in [*(ROOT / "Sources/Gateway/Demo").glob("client*.js"), ROOT / "Sources/Gateway/Demo/package.json"]:
        shutil.copy(file, directory)
    (directory / "run.mjs").write_text('import { connect } from "./client.js";\nconst [address, ...rest] = process.argv.slice(2);\n' + script)
    return subprocess.Popen(["node", directory / "run.mjs", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@needs_node
def test_in_node_without_a_websocket_it_subscribes_and_publishes(sluice, tmp_path):
    sluice.start()
    process = node(
        tmp_path,
        """
        delete globalThis.WebSocket;
        const client = connect(address), seen = [];
        const done = new Promise((resolve) => client.subscribe("a/../b c", ({ data }) => seen.push(data) === 3 && resolve()).ready.then(() =>
            Promise.all([1, { two: 2 }, "three"].map((data) => client.publish("a/../b c", data)))));
        await done;
        const other = await client.publish("t", "AAEC", { contentType: "image/png", encoding: "base64" });
        const binary = await new Promise((resolve) => client.subscribe("t", resolve, { after: 0 }));
        console.log(JSON.stringify([client.transport, seen, other.sequence, binary.data, binary.encoding]));
        client.close();
        """,
        sluice.gateway.address,
    )
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert json.loads(output) == ["sse", [1, {"two": 2}, "three"], 4, "AAEC", "base64"]


# Says what it hears, line by line, until its input ends; publishes too, and tells what became of it.
HEARD = """
const [transport] = rest, client = connect(address, { transport, minimumDelay: 10, maximumDelay: 100, requestTimeout: 60_000, onError: (error) => say("error", error.code) });
const say = (...words) => process.stdout.write(JSON.stringify(words) + "\\n");
for (const topic of ["a", "b"]) {
    client.subscribe(topic, ({ sequence, data }) => say(topic, sequence, data), { after: 0, onGap: (gap) => say("gap", gap) }).ready.then(() => say("ready", topic));
}
let isOver = false, number = 0;
process.stdin.on("end", () => { isOver = true; }).resume();
while (!isOver) {
    const data = `${transport} ${number++}`;
    await client.publish("a", data).then(({ sequence }) => say("stored", sequence, data), ({ code, mayBeStored }) => say("refused", code, mayBeStored, data));
    await new Promise((resolve) => setTimeout(resolve, 2));
}
say("over");
process.on("SIGTERM", () => process.exit(0));
setInterval(() => {}, 1000);
"""


@needs_node
@pytest.mark.parametrize("transport", ["websocket", "sse"])
@pytest.mark.parametrize("kills", [12])
def test_over_kills_of_both_processes_nothing_is_lost_or_repeated(tmp_path, transport, kills):
    if transport == "websocket" and subprocess.run(["node", "--experimental-websocket", "-e", "WebSocket"], capture_output=True).returncode != 0:
        pytest.skip("this Node has no WebSocket of its own")
    seed = random.randrange(2**32)
    pick = random.Random(seed)
    sluice = Sluice().start()
    port, heard = sluice.gateway.port, []
    for file in [*(ROOT / "Sources/Gateway/Demo").glob("client*.js"), ROOT / "Sources/Gateway/Demo/package.json"]:
        shutil.copy(file, tmp_path)
    (tmp_path / "run.mjs").write_text('import { connect } from "./client.js";\nconst [address, ...rest] = process.argv.slice(2);\n' + HEARD)
    flags = ["--experimental-websocket"] if transport == "websocket" else []
    process = subprocess.Popen(
        ["node", *flags, tmp_path / "run.mjs", f"http://127.0.0.1:{port}/", transport],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    threading.Thread(target=lambda: heard.extend(json.loads(line) for line in iter(process.stdout.readline, "")), daemon=True).start()
    stop = threading.Event()

    def publish():
        number = 0
        while not stop.is_set():
            try:
                httpx.post(f"http://127.0.0.1:{port}/topics/b", json=number, timeout=5)
            except httpx.TransportError:
                stop.wait(0.01)
            number += 1

    publisher = threading.Thread(target=publish, daemon=True)
    publisher.start()
    try:
        eventually(lambda: sum(one[0] == "ready" for one in heard) == 2, what="both subscriptions")
        for _ in range(kills):
            target = sum(one[0] in "ab" for one in heard) + pick.randrange(1, 60)
            eventually(lambda: sum(one[0] in "ab" for one in heard) >= target, what=f"{target} events; seed {seed}")
            if pick.random() < 0.7:
                sluice.gateway.kill()
                sluice.start_gateway(port=port)
            else:
                sluice.publisher.kill()
                sluice.start_publisher()
        stop.set()
        publisher.join(30)
        process.stdin.close()
        eventually(lambda: ["over"] in heard, what="the client's last publish")
        for topic in "ab":
            expected, after = [], 0
            while after is not None:
                page = httpx.get(f"http://127.0.0.1:{port}/topics/{topic}/records?after={after}&limit=1000", timeout=30).json()
                expected += [[topic, event["sequence"], event["data"]] for event in page["records"]]
                after = page.get("next")
            eventually(lambda: sum(one[0] == topic for one in heard) >= len(expected), what=f"{len(expected)} events of {topic}; seed {seed}")
            assert [one for one in heard if one[0] == topic] == expected, f"seed {seed}"
        assert [one for one in heard if one[0] in ("gap", "error")] == [], f"seed {seed}"
        # What was said of the client's own publishes is true: stored ones are there once, refused ones may be there only where that was said.
        log = [one[2] for one in heard if one[0] == "a"]
        assert len(set(log)) == len(log)
        stored = [one[2] for one in heard if one[0] == "stored"]
        assert stored and set(stored) <= set(log), f"seed {seed}"
        assert not [one for one in heard if one[0] == "refused" and not one[2] and one[3] in log], f"seed {seed}"
    finally:
        stop.set()
        process.kill()
        process.wait(30)
        sluice.stop()


@needs_node
def test_the_package_installs_and_imports_by_its_name(sluice, tmp_path):
    subprocess.run([ROOT / ".ci/client-package", tmp_path], check=True)
    (archive,) = tmp_path.glob("sluice-client-*.tgz")
    target = tmp_path / "node_modules/sluice-client"
    target.mkdir(parents=True)
    subprocess.run(["tar", "-xzf", archive, "-C", target, "--strip-components=1"], check=True)
    described = json.loads((target / "package.json").read_text())
    assert archive.name == f"sluice-client-{described['version']}.tgz"
    assert {"client.js", "client.d.ts", "README.md", "LICENSE"} <= {path.name for path in target.iterdir()}
    sluice.start()
    (tmp_path / "run.mjs").write_text(
        f"""
        import {{ connect }} from "sluice-client";
        const client = connect("{sluice.gateway.address}", {{ transport: "sse" }});
        console.log((await client.publish("t", 1)).sequence);
        client.close();
        """
    )
    result = subprocess.run(["node", tmp_path / "run.mjs"], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout.strip()) == (0, "1"), result.stderr
