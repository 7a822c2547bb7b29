"""The demo page and client.js, in a real browser."""

import os

import pytest

from chromium import PROGRAM, Chromium
from processes import ROOT
from test_authorization import SECRET, token

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium isn't installed")

PANES = "[...document.querySelectorAll('.pane')]"
# What the answer to the last publish called its record.
LAST = "(document.getElementById('answer').textContent.match(/#\\d+/)?.[0] ?? '')"


@pytest.fixture
def browser():
    browser = Chromium()
    yield browser
    browser.close()


def subscribed(tab, panes=3):
    tab.until(f"{PANES}.length === {panes} && {PANES}.every((pane) => pane.dataset.ready)", "the panes' subscriptions")


def shows(pane, text):
    return f"{PANES}[{pane}]?.querySelector('[data-role=events]').textContent.includes({text!r})"


def focus(tab, selector):
    tab.evaluate(f"document.querySelector({selector!r}).focus()")


def test_message_typed_in_one_pane_appears_in_the_others(sluice, browser):
    sluice.start()
    address = sluice.gateway.address + "/?topics=orders/42,orders/42,orders/43"
    first, second = browser.open(address), browser.open(address)
    subscribed(first)
    subscribed(second)
    first.call("Page.bringToFront")
    focus(first, ".pane [data-role=message]")
    first.type("hello from the first pane")
    for tab in (first, second):
        for pane in (0, 1):
            tab.until(shows(pane, "hello from the first pane"))
        assert not tab.evaluate(shows(2, "hello from the first pane"))

    # The form publishes over HTTP; JSON stays JSON.
    focus(first, "#publish [name=data]")
    first.type('{"total":3}')
    first.until("document.getElementById('answer').textContent.startsWith('Committed as #')")
    second.until(shows(1, '{"total":3}'))

    # Another topic in a pane.
    focus(second, ".pane:nth-of-type(3) [data-role=topic]")
    second.evaluate(f"{PANES}[2].querySelector('[data-role=topic]').value = ''")
    second.type("orders/42")
    second.until(f"{PANES}[2].dataset.ready === 'orders/42'")
    sluice.publish("orders/42", "for the third pane")
    second.until(shows(2, "for the third pane"))



@pytest.mark.skipif("SLUICE_SCREENSHOT" not in os.environ, reason="only make screenshot takes the picture in the README again")
def test_picture_of_a_record_on_its_way(sluice, browser):
    """With others before it to compare it with."""
    sluice.start()
    tab = browser.open(sluice.gateway.address + "/?topics=orders/42,orders/42,orders/43", width=1240, height=1000)
    subscribed(tab)
    tab.call("Page.bringToFront")
    for number in range(40):
        sluice.publish("orders/43", {"order": 43, "status": "packed", "box": number + 1})
        tab.until(shows(2, f'"box":{number + 1}}}'))
    for _ in range(4):
        tab.evaluate("document.querySelector('#publish button').click()")
        tab.until("document.getElementById('answer').textContent.includes('on the screen')")
        tab.until(f"document.getElementById('story').textContent.includes({LAST} + ' on orders/42, shown')", "the end of the record's way")
        tab.until("document.getElementById('total').textContent.includes('s to the last socket')")
    tab.evaluate("document.activeElement.blur()")
    tab.until("document.getAnimations().length === 0", "the end of all movement")
    tab.screenshot(ROOT / os.environ["SLUICE_SCREENSHOT"])


def test_client_resumes_after_the_gateway_was_restarted(sluice, browser):
    sluice.start()
    tab = browser.open(sluice.gateway.address + "/?topics=other")
    subscribed(tab, 1)
    tab.evaluate(
        f"""import("/client.js").then(({{ connect }}) => {{
            window.seen = []; window.states = []; window.gaps = [];
            const client = window.client = connect("/ws", {{
                minimumDelay: 50, maximumDelay: 200, onState: (state) => states.push(state), onGap: (gap) => gaps.push(gap),
            }});
            return client.subscribe("t", (event) => seen.push(event.data)).ready;
        }})"""
    )
    sluice.publish("t", 1)
    tab.until("seen.length === 1")
    port = sluice.gateway.port
    sluice.gateway.kill()
    tab.until("states.at(-1) === 'waiting' || states.filter((state) => state === 'connecting').length > 1")
    sluice.start_gateway(port=port).ready()
    sluice.publish("t", 2)
    sluice.publish("t", 3)
    tab.until("client.state === 'open'")
    sluice.publish("t", 4)
    tab.until("seen.length >= 4")
    assert tab.evaluate("seen") == [1, 2, 3, 4]
    assert tab.evaluate("gaps") == []
    assert tab.evaluate("client.publish('t', 5).then(({ sequence }) => sequence)") == 5
    assert tab.evaluate("client.publish('', 5).catch((error) => error.code)") == "InvalidTopic"


def test_client_checks_the_chain_and_the_close_codes(sluice, browser):
    sluice.start_gateway()
    tab = browser.open(sluice.gateway.address + "/?topics=other")
    subscribed(tab, 1)
    result = tab.evaluate(
        """import("/client.js").then(({ connect, reconnectsAfter, backoff }) => {
            const sockets = [];
            class Fake {
                constructor() { this.readyState = 1; this.sent = []; sockets.push(this); }
                send(text) { this.sent.push(JSON.parse(text)); }
                close() { this.readyState = 3; }
                say(message) { this.onmessage({ data: JSON.stringify(message) }); }
            }
            const seen = [], gaps = [], states = [];
            const client = connect("ws://nowhere/ws", {
                WebSocket: Fake, transport: "websocket", minimumDelay: 1, maximumDelay: 1, onGap: (gap) => gaps.push([gap.from, gap.to]), onState: (state) => states.push(state),
            });
            const pause = () => new Promise((resolve) => setTimeout(resolve, 30));
            const event = (sequence, previous) => sockets.at(-1).say({ type: "event", topic: "t", sequence, previous, data: sequence });
            client.subscribe("t", (event) => seen.push(event.data));
            return pause().then(() => {
                sockets[0].say({ type: "connected", connectionId: "c" });
                sockets[0].say({ type: "subscribed", id: "1", topics: [{ topic: "t", sequence: 5 }] });
                event(6, 5); event(6, 5); event(5, 0); event(9, 7); event(10, 9);
                sockets[0].onclose({ code: 1001, reason: "going away" });
                return pause();
            }).then(() => {
                sockets[1].say({ type: "connected", connectionId: "d" });
                const after = sockets[1].sent[0].after;
                sockets[1].say({ type: "subscribed", id: "2", topics: [{ topic: "t", sequence: 30, gap: { from: 11, to: 20 } }] });
                event(20, 15); event(30, 20);
                sockets[1].onclose({ code: 4403, reason: "forbidden" });
                return pause().then(() => ({
                    seen, gaps, after, sockets: sockets.length, state: client.state,
                    codes: [1000, 1001, 1002, 1006, 1011, 1012, 4008, 4009, 4401, 4402, 4403, 4429].filter((code) => reconnectsAfter(code)),
                    delays: [backoff(0, 100, 1000, () => 0), backoff(3, 100, 1000, () => 1), backoff(50, 100, 1000, () => 1)],
                }));
            });
        })"""
    )
    assert result == {
        "seen": [6, 9, 10, 20, 30], "gaps": [[7, 8], [11, 20]], "after": {"t": 10}, "sockets": 2, "state": "closed",
        "codes": [1001, 1006, 1011, 1012, 4008, 4009, 4429], "delays": [50, 800, 1000],
    }


def test_client_comes_back_from_whatever_happened(sluice, browser):
    """A log that was made anew, a topic that is no longer allowed, a gateway that failed, a token that expired."""
    sluice.start_gateway()
    tab = browser.open(sluice.gateway.address + "/?topics=other")
    subscribed(tab, 1)
    result = tab.evaluate(
        """import("/client.js").then(async ({ connect }) => {
            const sockets = [];
            class Fake {
                constructor(_, protocols) { this.readyState = 1; this.sent = []; this.token = protocols[1].replace("bearer.", ""); sockets.push(this); }
                send(text) { this.sent.push(JSON.parse(text)); }
                close() { this.readyState = 3; }
                say(message) { this.onmessage({ data: JSON.stringify(message) }); }
            }
            const pause = () => new Promise((resolve) => setTimeout(resolve, 30));
            const seen = [], gaps = [], errors = [], waits = [];
            let tokens = 0;
            const client = connect("ws://nowhere/ws", {
                WebSocket: Fake, transport: "websocket", token: () => String(++tokens), minimumDelay: 1, maximumDelay: 8,
                onGap: ({ topic, from, to }) => gaps.push([topic, from, to]), onError: ({ code }) => errors.push(code),
                onState: (state, { code, retryInMilliseconds }) => { if (state === "waiting") waits.push([code, retryInMilliseconds >= 4]); },
            });
            for (const topic of ["a", "b", "c"]) client.subscribe(topic, (event) => seen.push([topic, event.sequence]));
            const event = (topic, sequence, previous) => sockets.at(-1).say({ type: "event", topic, sequence, previous, data: 0 });
            const answer = (sequence, extra = {}) => {
                const { id, topics } = sockets.at(-1).sent.at(-1);
                sockets.at(-1).say({ type: "subscribed", id, topics: topics.map((topic) => ({ topic, sequence, ...extra })) });
            };
            await pause();
            sockets[0].say({ type: "connected", connectionId: "1" });
            event("a", 99, 0);
            answer(100);
            event("a", 101, 100);
            sockets[0].onclose({ code: 4402, reason: "token expired" });
            await pause();
            sockets[1].say({ type: "connected", connectionId: "2" });
            answer(5, { gap: { from: 1, to: 6 } });
            event("a", 6, 5);
            sockets[1].onclose({ code: 1011, reason: "internal error" });
            await pause();
            sockets[2].say({ type: "connected", connectionId: "3" });
            const refuse = (message) => sockets[2].say({ type: "error", id: message.id, code: "Forbidden", message: "no" });
            refuse(sockets[2].sent[0]);
            const halves = sockets[2].sent.slice(1, 3);
            refuse(halves[0]);
            sockets[2].say({ type: "subscribed", id: halves[1].id, topics: [{ topic: "b", sequence: 7, recovered: true }, { topic: "c", sequence: 5, recovered: true }] });
            event("b", 7, 5);
            client.close();
            return { seen, gaps, errors, waits, tokens: sockets.map((socket) => socket.token), halves: halves.map(({ topics }) => topics) };
        })"""
    )
    assert result == {
        "seen": [["a", 101], ["a", 6], ["b", 7]], "gaps": [[topic, 1, 6] for topic in "abc"], "errors": ["Forbidden"],
        "waits": [[4402, False], [1011, True]], "tokens": ["1", "2", "3"], "halves": [["a"], ["b", "c"]],
    }


@pytest.mark.parametrize("query, code, name", [("a.b.c", 4401, "Unauthorized"), ("", 4401, "Unauthorized"), ("none", 4403, "Forbidden")])
def test_page_learns_why_it_is_refused(sluice, browser, query, code, name):
    sluice.start_gateway("--authorizer", "jwt", "--jwt-secret", SECRET)
    value = token(SECRET, subscribe=["mine/#"]) if query == "none" else query
    tab = browser.open(sluice.gateway.address + "/healthz")
    result = tab.evaluate(
        """import("/client.js").then(async ({ connect }) => {
            const states = [], errors = [];
            const client = connect(location.origin + "/ws?topic=other", {
                token: "%s", minimumDelay: 1, maximumDelay: 1,
                onState: (state, { code }) => states.push([state, code ?? null]), onError: ({ code, message }) => errors.push([code, message.length > 0]),
            });
            const end = Date.now() + 10_000;
            while (client.state !== "closed" && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
            return { states, errors };
        })"""
        % value
    )
    assert result == {"states": [["connecting", None], ["closed", code]], "errors": [[name, True]]}
