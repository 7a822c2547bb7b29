"""docs/examples/public: a gateway on the open internet, as it stands there but for paths, ports and names; and what a stranger gets from it."""

import json
import socket
import ssl
import time

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from certificates import Authority
from chromium import PROGRAM, Chromium
from processes import PATIENCE, ROOT, Sluice, eventually
from test_access import Proxy, free_port
from test_client_transports import Page
from test_tokens import Issuer, ask, message

needs_browser = pytest.mark.skipif(PROGRAM is None, reason="Chromium isn't installed")
HOST = "push.example.com"


class Public(Sluice):
    """The example with certificates, an issuer and an application's page of the test's own."""

    def __init__(self, directory):
        super().__init__()
        self.authority = Authority(directory / "tls")
        certificate, key = self.authority.issue("public", [f"DNS:{HOST}", "DNS:localhost", "IP:127.0.0.1"])
        self.issuer, self.page, self.plain = Issuer(), Page(), free_port()
        self.issuer.rotate("first")
        settings = json.loads((ROOT / "docs/examples/public/sluice.json").read_text())
        changed = {
            "data": self.directory, "host": "127.0.0.1", "port": 0, "redirectPort": self.plain, "tlsCertificate": [str(certificate)],
            "tlsKey": [str(key)], "allowedOrigins": [self.page.origin()], "jwtOidcIssuer": self.issuer.name,
        }
        assert set(changed) <= set(settings)
        file = directory / "sluice.json"
        file.write_text(json.dumps({**settings, **changed}))
        self.gateway = self._start(["gateway", "--config", str(file)])
        self.publisher = self._start(["publisher", "--config", str(file)]).ready()
        # One each: the HTTP client's offers HTTP/2.
        self.context, for_http = (ssl.create_default_context(cafile=str(self.authority.file)) for _ in range(2))
        self.client = httpx.Client(base_url=self.gateway.address, verify=for_http, http2=True, timeout=PATIENCE)
        eventually(lambda: self.client.get("/readyz").status_code == 200, what="readiness")

    def token(self, name="alice", **claims):
        rights = {"subscribe": ["#"], "publish": ["#"]}
        return self.issuer.token("first", **{"sub": name, "aud": HOST, "sluice": rights, "exp": time.time() + 600, **claims})

    def fields(self, name="alice", **claims):
        return {"authorization": f"Bearer {self.token(name, **claims)}"}

    def websocket(self, query="", **options):
        return connect(f"wss://localhost:{self.gateway.port}/ws{query}", ssl=self.context, **options)

    def stop(self):
        self.client.close()
        self.issuer.stop()
        self.page.stop()
        super().stop()


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    public = Public(tmp_path_factory.mktemp("public"))
    yield public
    public.stop()


def test_a_client_with_a_token_has_its_topics_over_tls(public):
    with public.websocket(f"?topic=a&token={public.token()}", additional_headers={"origin": public.page.origin()}) as client:
        message(client, "subscribed")
        answer = public.client.post("/topics/a", json=1, headers=public.fields())
        assert (answer.status_code, answer.http_version) == (202, "HTTP/2")
        assert message(client, "event")["data"] == 1


def test_a_stranger_gets_typed_refusals(public):
    def refusal(answer):
        return answer.status_code, answer.json()["error"]["code"]

    client, evil = public.client, "https://evil.example"
    assert refusal(client.post("/topics/a", json=1)) == (401, "Unauthorized")
    assert refusal(client.post("/topics/a", json=1, headers=public.fields(aud="another"))) == (401, "Unauthorized")
    assert refusal(client.post("/topics/a", json=1, headers=public.fields(exp=None))) == (401, "Unauthorized")
    assert refusal(client.post("/topics/a", json=1, headers={**public.fields(), "origin": evil})) == (403, "ForbiddenOrigin")
    assert refusal(client.post("/topics/a", json=1, headers={**public.fields(), "host": "evil.example"})) == (421, "MisdirectedRequest")
    assert client.get("/").status_code == 404
    for fields, status in (({}, 401), ({"origin": evil}, 403)):
        with pytest.raises(InvalidStatus) as refused:
            public.websocket(additional_headers=fields)
        assert refused.value.response.status_code == status
    plain = httpx.get(f"http://127.0.0.1:{public.plain}/topics/a?x=1", headers={"host": HOST})
    assert plain.status_code == 308 and plain.headers["location"].startswith(f"https://{HOST}") and plain.headers["location"].endswith("/topics/a?x=1")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    old.set_ciphers("AES128-SHA")
    with socket.create_connection(("127.0.0.1", public.gateway.port)) as peer, pytest.raises(ssl.SSLError):
        old.wrap_socket(peer, server_hostname=HOST)


def test_one_client_that_floods_is_limited_and_others_are_served(public):
    mallory, bob = public.fields("mallory"), public.fields("bob")
    batch = {"records": [{"topic": "flood", "data": n} for n in range(1000)]}
    answers = [public.client.post("/topics", json=batch, headers=mallory) for _ in range(3)]
    assert answers[0].status_code == 202
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused and refused[0].json()["error"]["code"] == "TooManyRequests"
    assert public.client.post("/topics/flood", json="bob", headers=bob).status_code == 202
    with public.websocket(f"?token={public.token('mallory')}") as client:
        ask(client, action="publish", id="1", topic="flood", data=1)
        assert message(client, "published", "error").get("code") == "TooManyRequests"


@needs_browser
@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_an_application_of_another_site_uses_it_from_a_browser(public, transport):
    browser = Chromium("--ignore-certificate-errors")
    try:
        tab = browser.open(public.page.origin())
        tab.until("document.readyState === 'complete'")
        address = public.gateway.address
        got = tab.evaluate(
            f"""import("{address}/client.js").then(async ({{ connect }}) => {{
                globalThis.seen = [];
                const client = connect({{ transport: "{transport}", getToken: async () => "{public.token('page')}" }});
                await client.subscribe("page/{transport}", (event) => seen.push(event.data)).ready;
                return (await client.publish("page/{transport}", {{ hello: "there" }})).sequence;
            }})"""
        )
        assert got > 0
        tab.until("JSON.stringify(seen) === '[{\"hello\":\"there\"}]'")
        # Nothing of it is mixed content, and the demo page isn't there.
        assert tab.evaluate(f"fetch('{address}/healthz').then(({{ status }}) => status)") == 200
    finally:
        browser.close()


@needs_browser
def test_the_demo_page_works_below_a_prefix_behind_nginx(tmp_path):
    authority = Authority(tmp_path / "tls")
    identity = authority.issue("localhost", ["DNS:localhost", "IP:127.0.0.1"])
    sluice, browser = Sluice(), Chromium("--ignore-certificate-errors")
    proxy = None
    try:
        sluice.start("--path-prefix", "/rt", "--trusted-proxies", "127.0.0.1")
        proxy = Proxy("nginx", tmp_path, sluice.gateway.port, authority, identity)
        tab = browser.open(f"https://localhost:{proxy.port}/rt/?topics=orders/42,orders/43")
        panes = "[...document.querySelectorAll('.pane')]"
        tab.until(f"{panes}.length === 2 && {panes}.every((pane) => pane.dataset.ready)", "the panes' subscriptions")
        assert proxy.client.post("/topics/orders/42", json="through nginx").status_code == 202
        tab.until(f"{panes}[0].querySelector('[data-role=events]').textContent.includes('through nginx')")
        tab.evaluate("document.querySelector('#publish button').click()")
        tab.until("document.getElementById('answer').textContent.startsWith('Committed as #')")
        # Every module and picture came from below the prefix.
        assert tab.evaluate("performance.getEntriesByType('resource').every(({ name }) => new URL(name).pathname.startsWith('/rt/'))")
    finally:
        browser.close()
        if proxy:
            proxy.stop()
        sluice.stop()


@needs_browser
def test_a_browsers_own_event_source_resumes_over_a_restart(tmp_path):
    sluice, browser, page = Sluice(), Chromium(), Page()
    try:
        sluice.start("--allowed-origins", page.origin())
        port = sluice.gateway.port
        tab = browser.open(page.origin())
        tab.until("document.readyState === 'complete'")
        tab.evaluate(
            f"""Object.assign(globalThis, {{ seen: [], subscribed: 0 }});
            const source = new EventSource("{sluice.gateway.address}/sse?topic=a&topic=b");
            source.addEventListener("subscribed", () => subscribed++);
            source.onmessage = ({{ data }}) => seen.push(JSON.parse(data).data);"""
        )
        tab.until("subscribed === 1")
        for number in range(5):
            sluice.publish("ab"[number % 2], number)
        tab.until("seen.length === 5")
        sluice.gateway.kill()
        sluice.start_gateway("--allowed-origins", page.origin(), port=port).ready()
        for number in range(5, 10):
            sluice.publish("ab"[number % 2], number)
        tab.until("seen.length >= 10")
        seen = tab.evaluate("seen")
        # Each topic in its order, nothing missing and nothing twice.
        assert [number for number in seen if number % 2 == 0] == [0, 2, 4, 6, 8] and [number for number in seen if number % 2] == [1, 3, 5, 7, 9]
    finally:
        browser.close()
        page.stop()
        sluice.stop()
