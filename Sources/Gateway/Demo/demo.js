import { connect } from "/client.js";

const query = new URLSearchParams(location.search);
const token = query.get("token") ?? undefined;
const topics = (query.get("topics") ?? "orders/42,orders/42,orders/43").split(",").slice(0, 6);
const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
const keptEvents = 200;

/** JSON when the text is JSON, else the text as a JSON string. */
function parse(text) {
  try { return JSON.parse(text); } catch { return text; }
}

function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function pane(topic) {
  const article = document.getElementById("pane").content.cloneNode(true).firstElementChild;
  const role = (name) => article.querySelector(`[data-role=${name}]`);
  const events = role("events"), state = role("state"), input = role("topic"), message = role("message");
  let subscription;

  const show = (item) => {
    events.querySelector(".empty")?.remove();
    events.prepend(item);
    while (events.childElementCount > keptEvents) events.lastElementChild.remove();
  };
  const note = (text) => {
    const item = element("li");
    item.append(element("div", "gap", text));
    show(item);
  };
  const client = connect(address, {
    token,
    onState: (name, { code, reason, retryInMilliseconds }) => {
      state.dataset.state = name;
      state.textContent = name === "waiting" ? `back in ${Math.ceil(retryInMilliseconds / 1000)} s` : name;
      state.title = code ? `closed with ${code} ${reason ?? ""}` : "";
      if (name === "closed") note(`Closed by the gateway: ${code} ${reason ?? ""}`);
    },
    onGap: ({ from, to }) => note(`The log no longer holds ${from} to ${to - 1}.`),
    onError: (error) => note(`${error.code}: ${error.message}`),
  });
  const subscribe = (name) => {
    subscription?.unsubscribe();
    input.value = name;
    const own = client.subscribe(name, (event) => {
      const item = element("li");
      item.append(
        element("div", "data", typeof event.data === "string" ? event.data : JSON.stringify(event.data)),
        element("div", "meta", `#${event.sequence}  after #${event.previous}  ${event.contentType}`),
      );
      item.dataset.sequence = event.sequence;
      show(item);
    });
    subscription = own;
    delete article.dataset.ready;
    own.ready.then(() => { if (own === subscription) article.dataset.ready = name; }, () => {});
  };
  input.addEventListener("change", () => {
    if (!input.value.trim() || input.value === subscription?.topic) return;
    events.replaceChildren(element("li", "empty", "Nothing on this topic yet."));
    subscribe(input.value.trim());
  });
  role("form").addEventListener("submit", async (submit) => {
    submit.preventDefault();
    if (!message.value) return;
    const text = message.value;
    message.value = "";
    try { await client.publish(subscription.topic, parse(text)); } catch (error) { note(`${error.code}: ${error.message}`); }
  });
  subscribe(topic);
  document.getElementById("panes").append(article);
}

topics.forEach(pane);

const publish = document.getElementById("publish"), answer = document.getElementById("answer");
publish.addEventListener("submit", async (submit) => {
  submit.preventDefault();
  const { topic, data } = publish.elements;
  const started = performance.now();
  try {
    const response = await fetch(`/topics/${topic.value.split("/").map(encodeURIComponent).join("/")}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
      body: JSON.stringify(parse(data.value)),
    });
    const body = await response.json();
    const took = (performance.now() - started).toFixed(1);
    answer.classList.toggle("bad", !response.ok);
    answer.textContent = response.ok
      ? `Committed as #${body.sequence} (${body.recordId}) in ${took} ms, round trip included`
      : `${response.status} ${body.error?.code}: ${body.error?.message}`;
    if (response.ok) data.value = "";
  } catch (error) {
    answer.classList.add("bad");
    answer.textContent = `The gateway can’t be reached: ${error.message}`;
  }
});

document.getElementById("curl").textContent =
  `curl -d '{"hello":"world"}' -H 'Content-Type: application/json' ${location.origin}/topics/${topics[0]}`;

const parts = {
  commit: "request accepted to committed on disk", receive: "committed to in the publisher’s hands", resolve: "subscribers looked up",
  send: "handed to the link", link: "over the link to the gateway", write: "written to the last socket",
};
const sums = { hop: "accepted to in the publisher’s hands", total: "accepted to the last socket" };

function duration(microseconds) {
  if (microseconds < 1000) return `${Math.round(microseconds)} µs`;
  return microseconds < 1_000_000 ? `${(microseconds / 1000).toFixed(2)} ms` : `${(microseconds / 1_000_000).toFixed(2)} s`;
}

async function latency() {
  if (document.hidden) return;
  let report;
  try {
    report = await (await fetch("/latency")).json();
  } catch { return; }
  document.getElementById("queue").textContent = `queue semantics: ${report.queue}`;
  document.getElementById("queue").dataset.state = "open";
  const stages = new Map(report.stages.map((stage) => [stage.stage, stage]));
  document.getElementById("bar").replaceChildren(...Object.keys(parts).filter((name) => stages.has(name)).map((name) => {
    const span = element("span");
    span.style.flex = `${Math.max(stages.get(name).p50, 1)} 0 0`;
    span.style.background = `var(--${name})`;
    span.title = `${name}: ${duration(stages.get(name).p50)}`;
    return span;
  }));
  const rows = [...Object.entries(parts), ...Object.entries(sums)].filter(([name]) => stages.has(name)).map(([name, meaning]) => {
    const stage = stages.get(name), row = element("tr", name in sums ? "sum" : ""), first = element("td");
    if (name in parts) {
      const swatch = element("span", "swatch");
      swatch.style.background = `var(--${name})`;
      first.append(swatch);
    }
    first.append(name);
    row.append(first, element("td", "", meaning), ...["p50", "p90", "p99", "max"].map((figure) => element("td", "", duration(stage[figure]))), element("td", "", stage.count.toLocaleString("en")));
    return row;
  });
  if (rows.length === 0) {
    const row = element("tr"), cell = element("td", "", "Nothing has been measured yet.");
    cell.colSpan = 7;
    row.append(cell);
    rows.push(row);
  }
  document.getElementById("stages").replaceChildren(...rows);
}
latency();
setInterval(latency, 1000);
