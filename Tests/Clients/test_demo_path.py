"""The demo page's story: a record's way with its times, what was before, what is down; in both sizes and below a path."""

import contextlib
import pathlib
import shutil
import tempfile
from decimal import Decimal

import httpx
import pytest

from chromium import PROGRAM, Chromium
from processes import PATIENCE, ROOT
from test_demo import LAST, PANES, browser, shows, subscribed  # noqa: F401
from test_http_connection import free_port, program, running_proxy

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="Chromium isn't installed")

STEPS = ["publish", "commit", "queue", "publisher", "resolve", "fan-out", "browser"]
NARROW = 390


def text(tab, id):
    return tab.evaluate(f"document.getElementById({id!r}).textContent")


def publish(tab):
    """Presses the button, which publishes an example, and waits for the answer."""
    before = tab.evaluate(LAST)
    tab.evaluate("document.querySelector('#publish button').click()")
    tab.until(f"{LAST} !== {before!r}", "the answer to a publish")


def way(tab):
    """What the picture says of each step, once the record has come to the end."""
    tab.until("document.getElementById('total').textContent.includes('s to the last socket')", "the end of the record's way")
    return dict(tab.evaluate("[...document.querySelectorAll('#way li')].map((item) => [item.dataset.step, item.querySelector('.time').textContent])"))


def amount(figure):
    number, unit = figure.split()
    return Decimal(number) * {"ms": 1, "s": 1000}[unit]


def test_a_record_goes_its_way_and_the_figures_add_up(sluice, browser):
    sluice.start()
    tab = browser.open(sluice.gateway.address + "/")
    tab.call("Page.bringToFront")
    subscribed(tab)
    for _ in range(3):
        publish(tab)
        tab.until(f"document.getElementById('story').textContent.includes({LAST} + ' on orders/42')")
        steps = way(tab)
        assert list(steps) == STEPS
        moments = {step: steps.pop(step).removeprefix("at ") for step in ("publish", "publisher")}
        total = amount(tab.evaluate("document.querySelector('#total strong').textContent"))
        assert sum(map(amount, steps.values())) == total > 0
        assert amount(moments["publish"]) == 0
        assert amount(moments["publisher"]) == amount(steps["commit"]) + amount(steps["queue"])
    # The table's columns are records too.
    rows = tab.evaluate("[...document.querySelectorAll('#stages tr')].map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent))")
    for column in zip(*rows):
        *parts, last = map(amount, column)
        assert sum(parts) == last
    assert amount(rows[-1][0]) == total
    assert amount(rows[-1][2]) >= amount(rows[-1][1])
    # Of late: all three records, in each window and since the start.
    tab.until("[...document.querySelectorAll('#windows tr')].every((row) => row.cells[1].textContent === '3')")
    assert tab.evaluate("[...document.querySelectorAll('#windows th')].map((cell) => cell.textContent)") == ["10 seconds", "minute", "5 minutes", "since its start"]
    for row in tab.evaluate("[...document.querySelectorAll('#windows tr')].map((row) => [...row.cells].slice(2).map((cell) => cell.textContent))"):
        assert 0 < amount(row[0]) <= amount(row[1]) <= amount(row[2])
    # An event's line has its time, and shows its way when it is chosen.
    lines = tab.evaluate("[...document.querySelectorAll('.pane:first-child .event')].map((line) => line.querySelector('.took').textContent)")
    assert len(lines) == 3 and all(amount(line) > 0 for line in lines)
    tab.evaluate("document.querySelector('.pane:first-child li:last-child .event').click()")
    assert text(tab, "story") == "Record #1 on orders/42."


def test_history_is_there_after_a_reload_also_behind_many_others(sluice, browser):
    sluice.start()
    for number in range(30):
        sluice.publish("orders/42", f"old {number}")
    sluice.publish("orders/43", "one")
    for _ in range(3):
        records = [{"topic": "elsewhere", "data": number} for number in range(1000)]
        assert httpx.post(sluice.gateway.address + "/topics", json={"records": records}, timeout=PATIENCE).status_code == 202
    tab = browser.open(sluice.gateway.address + "/")
    tab.call("Page.bringToFront")
    subscribed(tab)
    tab.until(shows(0, "old 29"))
    assert tab.evaluate(f"{PANES}[0].querySelectorAll('.event').length") >= 20
    tab.until(shows(2, "one"))
    # Nobody was there when they came: they have no times, and nothing is made up.
    tab.until("!document.querySelector('.took')")
    assert text(tab, "total") == ""

    publish(tab)
    shown = way(tab)
    sequence = tab.evaluate(LAST)
    tab.evaluate("window.isOld = true")
    tab.call("Page.reload")
    tab.until("window.isOld === undefined && document.querySelector('.event') !== null")
    tab.until(f"document.getElementById('story').textContent === 'Record {sequence} on orders/42.'")
    assert way(tab) == shown
    tab.until(f"{PANES}[1].querySelector('.took')?.textContent.includes('ms')")


def test_what_is_down_is_shown_as_down(sluice, browser):
    sluice.start()
    tab = browser.open(sluice.gateway.address + "/")
    tab.call("Page.bringToFront")
    subscribed(tab)
    is_down = lambda step: f"document.querySelector('[data-step={step}]').classList.contains('down')"
    tab.until("document.getElementById('publisher').dataset.state === 'open'")
    assert tab.evaluate("document.getElementById('notice').hidden")

    sluice.publisher.terminate()
    tab.until("document.getElementById('publisher').textContent === 'publisher stopped'")
    assert "waits in the queue" in text(tab, "notice")
    assert tab.evaluate(is_down("publisher")) and not tab.evaluate(is_down("commit"))
    publish(tab)
    publish(tab)
    queue = "document.querySelector('[data-step=queue] small').textContent"
    tab.until(f"{queue} === '2 wait for a publisher'")
    tab.until("document.getElementById('story').textContent.includes('until a publisher runs')")
    reached = tab.evaluate("[...document.querySelectorAll('#way .reached')].map((item) => item.dataset.step)")
    assert reached == ["publish", "commit", "queue"]

    sluice.start_publisher()
    tab.until(f"document.getElementById('story').textContent.includes({LAST} + ' on orders/42')")
    steps = way(tab)
    assert amount(steps["queue"]) > amount(steps["commit"])
    tab.until(f"document.getElementById('notice').hidden && !{queue}.includes('wait for')")

    port = sluice.gateway.port
    sluice.gateway.kill()
    tab.until("document.getElementById('gateway').textContent === 'gateway gone'")
    assert "gateway doesn’t answer" in text(tab, "notice")
    assert all(tab.evaluate(is_down(step)) for step in ("publish", "commit", "fan-out"))
    tab.evaluate("document.querySelector('#publish button').click()")
    tab.until("document.getElementById('answer').textContent.includes('can’t be reached')")
    sluice.start_gateway(port=port).ready()
    tab.until(f"document.getElementById('notice').hidden && document.querySelectorAll('.pane [data-state=open]').length === 3")


@contextlib.contextmanager
def below_a_path(sluice):
    """nginx, which serves the gateway as a part of another site."""
    directory, port = pathlib.Path(tempfile.mkdtemp(prefix="nginx-")), free_port()
    paths = " ".join(f"{kind}_temp_path {directory}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (directory / "nginx.conf").write_text(f"""
        daemon off; master_process off; pid {directory}/pid; error_log stderr;
        events {{}}
        http {{
            access_log off; {paths}
            map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
            server {{
                listen 127.0.0.1:{port};
                location /live/sluice/ {{
                    proxy_pass http://127.0.0.1:{sluice.gateway.port}/; proxy_http_version 1.1; proxy_set_header Host localhost;
                    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
                }}
            }}
        }}""")
    with running_proxy([program("nginx"), "-p", directory, "-c", directory / "nginx.conf"], port) as address:
        yield f"http://{address}/live/sluice/"
    shutil.rmtree(directory, ignore_errors=True)


def test_page_works_below_a_path(sluice, browser):
    sluice.start()
    with below_a_path(sluice) as address:
        tab = browser.open(address)
        tab.call("Page.bringToFront")
        subscribed(tab)
        publish(tab)
        way(tab)
        tab.until(shows(1, '"status":"accepted"'))
        tab.until("document.getElementById('publisher').dataset.state === 'open'")
        links = tab.evaluate("[...document.querySelectorAll('a')].map((link) => link.href)")
        assert len(links) >= 7 and all(link.startswith(address) for link in links)
        for link in links:
            answer = httpx.get(link)
            assert answer.status_code == 200 and answer.headers["Content-Type"].split(";")[0] != "application/octet-stream", link
        assert address + "topics/orders/42" in text(tab, "curl")


def test_documents_are_those_of_this_version(sluice):
    sluice.start_gateway()
    for name in ("protocol", "architecture", "operations", "security", "semantics"):
        answer = httpx.get(f"{sluice.gateway.address}/docs/{name}.md")
        assert answer.content == (ROOT / f"docs/{name}.md").read_bytes()
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [NARROW, 1240])
def test_page_fits_both_sizes_and_schemes_and_keeps_its_policy(sluice, browser, width, dark):
    sluice.start()
    tab = browser.open(sluice.gateway.address + "/healthz", width=width, dark=dark)
    tab.call("Page.enable")
    tab.call(
        "Page.addScriptToEvaluateOnNewDocument",
        source="""window.faults = [];
            addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => faults.push(`${violatedDirective} ${blockedURI}`));
            addEventListener("error", ({ message }) => faults.push(message));
            addEventListener("unhandledrejection", ({ reason }) => faults.push(String(reason)));""",
    )
    tab.call("Page.navigate", url=sluice.gateway.address + "/")
    tab.call("Page.bringToFront")
    tab.until("document.getElementById('panes') && window.faults !== undefined")
    subscribed(tab)
    sluice.publish("orders/42", {"words": "a long text without end " * 20, "token": "x" * 300})
    publish(tab)
    way(tab)
    tab.until("document.querySelectorAll('#stages tr').length > 3")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    # A row where there is room, else a column.
    places = tab.evaluate("[...document.querySelectorAll('#way li')].map((item) => [item.offsetLeft, item.offsetTop])")
    assert len({place[1 if width > NARROW else 0] for place in places}) == 1
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(ground) < 64) == dark and (min(ground) > 192) != dark
    assert tab.evaluate("faults") == []
