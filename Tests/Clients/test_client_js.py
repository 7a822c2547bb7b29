"""client.js: what passes, what is final, who hears what; in Chromium with sockets that the test speaks for, and in Node."""

import json
import shutil
import subprocess

import pytest

from chromium import PROGRAM, Chromium
from processes import ROOT

# Sockets that the test speaks for.
FAKE = """
const sockets = [];
class Fake {
    constructor(url) { this.readyState = 1; this.sent = []; this.url = url; sockets.push(this); }
    send(text) { this.sent.push(JSON.parse(text)); }
    close() { this.readyState = 3; }
    say(message) { this.onmessage({ data: JSON.stringify(message) }); }
    answer(id, topics, epoch = "e1") { this.say({ type: "subscribed", id, topics, epoch }); }
    event(sequence, previous, topic = "t") { this.say({ type: "event", topic, sequence, previous, data: sequence }); }
}
const until = async (test) => {
    const end = Date.now() + 10_000;
    while (!test()) {
        if (Date.now() > end) throw new Error("never: " + test);
        await new Promise((resolve) => setTimeout(resolve, 5));
    }
};
const last = () => sockets.at(-1);
const seen = [], gaps = [], errors = [], states = [];
const options = {
    WebSocket: Fake, transport: "websocket", minimumDelay: 1, maximumDelay: 5,
    onGap: (gap) => gaps.push(gap), onError: ({ code, topic }) => errors.push([code, topic ?? null]), onState: (state) => states.push(state),
};
const note = (event) => seen.push(event.sequence);
const open = async (client, epoch = "e1") => {
    await until(() => client.state === "connecting" && last()?.onmessage);
    last().say({ type: "connected", connectionId: "c", epoch });
};
"""


def take(directory):
    """The client as somebody takes it who has no gateway to import it from."""
    for file in [*(ROOT / "Sources/Gateway/Demo").glob("client*.js"), ROOT / "Sources/Gateway/Demo/package.json"]:
        shutil.copy(file, directory)


@pytest.fixture(scope="module")
def browser():
    if PROGRAM is None:
        pytest.skip("Chromium isn't installed")
    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture
def run(sluice, browser):
    sluice.start_gateway()
    tab = browser.open(sluice.gateway.address + "/healthz")

    def run(script):
        return tab.evaluate(f"""import("/client.js").then(async ({{ connect }}) => {{ {FAKE} {script} }})""")

    run.tab = tab
    return run


def test_a_passing_refusal_is_asked_again(run):
    result = run(
        """
        const client = connect("ws://nowhere/ws", options);
        const subscription = client.subscribe("t", note);
        await open(client);
        for (const [code, extra] of [["Overloaded", { retryAfter: 0.001 }], ["InternalError", {}]]) {
            const before = last().sent.length;
            last().say({ type: "error", id: last().sent.at(-1).id, code, message: "not now", ...extra });
            await until(() => last().sent.length > before);
        }
        last().answer(last().sent.at(-1).id, [{ topic: "t", sequence: 5 }]);
        await subscription.ready;
        last().event(6, 5);
        client.close();
        return { seen, errors, asked: last().sent.map(({ action }) => action) };
        """
    )
    assert result == {"seen": [6], "errors": [], "asked": ["subscribe"] * 3}


def test_a_final_refusal_is_told_and_a_later_subscribe_asks_anew(run):
    result = run(
        """
        const client = connect("ws://nowhere/ws", options);
        const refused = client.subscribe("t", note).ready.catch(({ code, topic }) => [code, topic]);
        await open(client);
        last().say({ type: "error", id: last().sent[0].id, code: "Forbidden", message: "no" });
        const first = await refused;
        const again = client.subscribe("t", note);
        last().answer(last().sent[1].id, [{ topic: "t", sequence: 0 }]);
        await again.ready;
        return { first, errors, asked: last().sent.length };
        """
    )
    assert result == {"first": ["Forbidden", "t"], "errors": [["Forbidden", "t"]], "asked": 2}


def test_a_refused_token_is_told_and_ready_settles(run):
    result = run(
        """
        const client = connect("ws://nowhere/ws", { ...options, token: "old" });
        const waiting = client.subscribe("t", note).ready.catch(({ code }) => code);
        const given = client.subscribe("u", note);
        given.unsubscribe();
        await until(() => last()?.onclose);
        last().onclose({ code: 4401, reason: "no" });
        const late = client.subscribe("v", note).ready.catch(({ code }) => code);
        return { errors, codes: [await waiting, await given.ready.catch(({ code }) => code), await late], state: client.state, sockets: sockets.length };
        """
    )
    assert result == {
        "errors": [["Unauthorized", None]], "codes": ["ConnectionClosed", "Unsubscribed", "ConnectionClosed"], "state": "closed", "sockets": 1,
    }


def test_a_function_that_gives_expired_tokens_is_asked_twice_and_then_told(run):
    result = run(
        """
        let asked = 0;
        const client = connect("ws://nowhere/ws", { ...options, token: () => `old ${++asked}` });
        await open(client);
        // The end of a token that was good is no refusal, however often it comes.
        for (const sockets of [1, 2]) {
            last().onclose({ code: 4402, reason: "token expired" });
            await until(() => asked === sockets + 1 && last().onclose);
            await open(client);
        }
        const before = [asked, errors.length];
        last().onclose({ code: 4402, reason: "token expired" });
        for (const more of [1, 2]) {
            await until(() => asked === before[0] + more && sockets.length === asked && last().onclose);
            last().onclose({ code: 4402, reason: "token expired" });
        }
        return { before, asked, errors, state: client.state };
        """
    )
    assert result == {"before": [3, 0], "asked": 5, "errors": [["TokenExpired", None]], "state": "closed"}


def test_a_second_subscribe_of_a_known_topic_gets_its_history_and_the_first_hears_nothing_twice(run):
    result = run(
        """
        const second = [];
        const client = connect("ws://nowhere/ws", options);
        client.subscribe("t", note);
        await open(client);
        last().answer(last().sent[0].id, [{ topic: "t", sequence: 5 }]);
        last().event(6, 5);
        client.subscribe("t", (event) => second.push(event.sequence), { after: 3, epoch: "e1" });
        const asked = last().sent.at(-1);
        last().event(7, 6);
        last().answer(asked.id, [{ topic: "t", sequence: 7, recovered: true }]);
        for (const [sequence, previous] of [[4, 3], [5, 4], [6, 5], [7, 6], [8, 7]]) last().event(sequence, previous);
        return { seen, second, gaps, after: asked.after, epoch: asked.epoch };
        """
    )
    assert result == {"seen": [6, 7, 8], "second": [4, 5, 6, 7, 8], "gaps": [], "after": {"t": 3}, "epoch": "e1"}


def test_a_handler_that_throws_takes_the_event_from_nobody(run):
    result = run(
        """
        const client = connect("ws://nowhere/ws", options);
        client.subscribe("t", () => { throw new Error("mine"); });
        client.subscribe("t", note);
        await open(client);
        last().answer(last().sent[0].id, [{ topic: "t", sequence: 0 }]);
        last().event(1, 0); last().event(2, 1);
        return { seen, errors };
        """
    )
    assert result == {"seen": [1, 2], "errors": [["HandlerFailed", "t"]] * 2}


def test_positions_go_with_their_epoch_and_a_diverged_history_is_told_and_comes_anew(run):
    result = run(
        """
        const client = connect("ws://nowhere/ws", options);
        const subscription = client.subscribe("t", note);
        await open(client);
        last().answer(last().sent[0].id, [{ topic: "t", sequence: 19 }]);
        last().event(20, 19); last().event(30, 20);
        const kept = [subscription.sequence, subscription.epoch];
        last().onclose({ code: 1006, reason: "" });
        await until(() => sockets.length === 2);
        await open(client, "e2");
        const asked = last().sent[0];
        last().answer(asked.id, [{ topic: "t", sequence: 25, diverged: { from: 21 } }], "e2");
        last().event(21, 20); last().event(25, 21);
        return { seen, gaps, kept, asked: [asked.after, asked.epoch], now: subscription.epoch };
        """
    )
    assert result == {
        "seen": [20, 30, 21, 25], "gaps": [{"topic": "t", "from": 21, "to": 21, "diverged": True}], "kept": [30, "e1"],
        "asked": [{"t": 30}, "e1"], "now": "e2",
    }


def test_dead_is_who_leaves_a_ping_unanswered_and_nobody_else(run):
    """Timers that run once a minute, as in a background tab: time is the test's."""
    result = run(
        """
        let now = 0, tick;
        const real = { now: Date.now, setInterval: globalThis.setInterval };
        const client = connect("ws://nowhere/ws", options);
        await until(() => last()?.onmessage);
        Date.now = () => now;
        globalThis.setInterval = (body) => { tick = body; return 0; };
        last().say({ type: "connected", connectionId: "c", epoch: "e1" });
        const pings = () => sockets[0].sent.filter(({ action }) => action === "ping").length;
        const told = [];
        for (const minute of [1, 2, 3]) {
            now = minute * 60_000;
            tick();
            told.push([client.state, pings()]);
            if (minute < 3) last().say({ type: "pong" });
        }
        now += 20_000; tick(); told.push([client.state, pings()]);
        now += 20_000; tick(); told.push([client.state, pings()]);
        Object.assign(Date, { now: real.now });
        globalThis.setInterval = real.setInterval;
        client.close();
        return told;
        """
    )
    assert result == [["open", 1], ["open", 2], ["open", 3], ["open", 3], ["waiting", 3]]


@pytest.mark.parametrize("event", ["online", "focus", "pageshow"])
def test_it_comes_back_at_once_when_somebody_looks(run, event):
    result = run(
        """
        const client = connect("ws://nowhere/ws", { ...options, minimumDelay: 60_000, maximumDelay: 60_000 });
        await until(() => last()?.onclose);
        last().onclose({ code: 1006, reason: "" });
        const waited = client.state;
        globalThis.dispatchEvent(new Event("%s"));
        await until(() => sockets.length === 2);
        client.close();
        return waited;
        """ % event
    )
    assert result == "waiting"


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node isn't installed")


@needs_node
def test_the_parts_without_a_gateway(pytestconfig):
    """When it connects, what it makes of streams, what it repeats: with a double of the wire, by Node's own runner."""
    files = sorted(str(file) for file in (ROOT / "Tests/Clients/client").glob("*.test.mjs"))
    assert files
    result = subprocess.run(["node", "--test", *files], capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, "\n".join(line for line in result.stdout.splitlines() if not line.startswith("ok"))


@needs_node
def test_in_node_a_gateway_that_is_down_is_waited_for_and_a_missing_websocket_is_told(tmp_path):
    """As with the package ws: an error that nobody listens to would end the process."""
    take(tmp_path)
    (tmp_path / "run.mjs").write_text(
        """
        import { EventEmitter } from "node:events";
        import { connect } from "./client.js";
        let attempts = 0;
        class Down extends EventEmitter {
            constructor() {
                super();
                attempts += 1;
                this.readyState = 0;
                setImmediate(() => {
                    if (this.onerror) this.onerror({ message: "connect ECONNREFUSED" }); else this.emit("error", new Error("connect ECONNREFUSED"));
                    this.onclose({ code: 1006, reason: "" });
                });
            }
            close() {}
        }
        delete globalThis.WebSocket;
        const told = [];
        const without = connect("ws://127.0.0.1:1/ws", { transport: "websocket", onError: ({ code }) => told.push(code) });
        await new Promise((resolve) => {
            const client = connect("ws://127.0.0.1:1/ws", { WebSocket: Down, minimumDelay: 1, maximumDelay: 1, onState: () => {
                if (attempts < 4) return;
                client.close();
                resolve();
            } });
        });
        console.log(JSON.stringify({ told, attempts, state: without.state }));
        """
    )
    result = subprocess.run(["node", tmp_path / "run.mjs"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"told": ["NoWebSocket"], "attempts": 4, "state": "closed"}


@needs_node
def test_nodes_own_websocket_waits_for_a_gateway_and_finds_it(sluice, tmp_path):
    """That of Node 20 says an error and no close where no connection comes about."""
    if subprocess.run(["node", "--experimental-websocket", "-e", "WebSocket"], capture_output=True).returncode != 0:
        pytest.skip("this Node has no WebSocket of its own")
    sluice.start_gateway()
    port = sluice.gateway.port
    sluice.gateway.kill()
    take(tmp_path)
    (tmp_path / "run.mjs").write_text(
        f"""
        import {{ connect }} from "./client.js";
        const client = connect("ws://127.0.0.1:{port}/ws", {{
            minimumDelay: 20, maximumDelay: 20, onState: (state) => console.log(state), onError: ({{ code }}) => console.log(code),
        }});
        await client.publish("t", 1);
        client.close();
        """
    )
    process = subprocess.Popen(["node", "--experimental-websocket", tmp_path / "run.mjs"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        # Twice refused, then there.
        assert [process.stdout.readline().strip() for _ in range(4)] == ["connecting", "waiting"] * 2
        sluice.start_gateway(port=port).ready()
        assert process.wait(30) == 0
        assert process.stdout.read().split()[-2:] == ["open", "closed"]
    finally:
        process.kill()
