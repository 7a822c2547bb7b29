// The page: a form that publishes over HTTP, panes that each are a WebSocket client of their own, and what the gateway has measured.

import { connect } from "./client.js";
import { Ways, base, duration, figures, processes, timed, windows } from "./demo-measures.js";
import { Path } from "./demo-path.js";

const query = new URLSearchParams(location.search);
const token = query.get("token") ?? undefined;
const topics = (query.get("topics") ?? "orders/42,orders/42,orders/43").split(",").slice(0, 6);
const keptEvents = 200;
/** What the form publishes when nothing is typed. */
const examples = ["accepted", "paid", "packed", "on its way", "delivered"].map((status) => JSON.stringify({ order: 42, status }));

const path = new Path(stages), ways = new Ways();
/** The topic that each pane subscribes to. @type {Map<object, string>} */ const heard = new Map();
/** When records came, by their numbers; of the last ones. @type {Map<number, number>} */ const arrivals = new Map();
/** The topics of records that were committed from here and that no pane has got yet. @type {Map<number, string>} */ const waiting = new Map();
/** Called with the number of each record that comes. @type {(sequence: number) => void} */ let onArrival = () => {};
/** What was found at the last look. @type {import("./demo-measures.js").Processes} */ let found = { gateway: "open" };
const byID = (id) => document.getElementById(id);

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

function request(address, options = {}) {
  return fetch(new URL(address, base), { ...options, headers: { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) } });
}

const topicPath = (topic) => `topics/${topic.split("/").map(encodeURIComponent).join("/")}`;

/** Where a topic's history begins that is worth showing: a few records back, or where it itself begins. */
async function historyStart(topic) {
  const answer = await request(topicPath(topic));
  if (!answer.ok) return {};
  const { sequence, epoch } = await answer.json();
  for (let back = 50; ; back *= 20) {
    const after = Math.max(0, sequence - back);
    if (after === 0) return { after, epoch, head: sequence };
    const page = await request(`${topicPath(topic)}/records?after=${after}&limit=20`);
    if (!page.ok || (await page.json()).records.length >= 20) return { after, epoch, head: sequence };
  }
}

/** A record was committed from here: it is in the queue now. */
function committed(sequence, topic) {
  const isHeard = [...heard.values()].includes(topic);
  if (isHeard && !arrivals.has(sequence)) waiting.set(sequence, topic);
  path.committed({ sequence, topic, isHeard });
  showProcesses();
}

/** An event is on the screen of a pane. */
async function arrived({ sequence, topic }, isNew) {
  waiting.delete(sequence);
  if (isNew && !arrivals.has(sequence)) {
    arrivals.set(sequence, performance.now());
    if (arrivals.size > 1000) arrivals.delete(arrivals.keys().next().value);
    onArrival(sequence);
  }
  const way = await ways.of(sequence, isNew);
  if (!way) return undefined;
  const record = { sequence, topic, way, isHeard: true };
  if (isNew) path.delivered(record);
  // After a reload the newest one that is remembered.
  else if (!path.hasNews && sequence > (path.sequence ?? 0)) path.show(record);
  // There is one more to compare with.
  if (path.way) stages(path.way);
  return way;
}

/** One line of a pane: what came, how long it took, and which record it is. */
function eventLine(event, isNew) {
  const item = element("li"), line = element("button", "event"), time = element("span", "took"), meta = element("span", "meta");
  const text = typeof event.data === "string" ? event.data : JSON.stringify(event.data);
  line.type = "button";
  line.title = `after #${event.previous}, ${event.contentType}`;
  meta.append(time, element("span", "", `#${event.sequence}`), element("time", "", isNew ? new Date().toLocaleTimeString() : "earlier"));
  line.append(element("span", "data", text), meta);
  item.append(line);
  item.dataset.sequence = event.sequence;
  if (isNew) item.className = "new";
  arrived(event, isNew).then((way) => {
    if (!way) return time.remove();
    time.textContent = duration(way.total);
    line.addEventListener("click", () => {
      path.hasNews = true;
      path.show({ sequence: event.sequence, topic: event.topic, way, isHeard: true });
    });
  });
  return item;
}

function pane(topic) {
  const article = byID("pane").content.cloneNode(true).firstElementChild;
  const role = (name) => article.querySelector(`[data-role=${name}]`);
  const events = role("events"), state = role("state"), input = role("topic"), message = role("message");
  let subscription, head = 0, turn = 0;

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
  const client = connect(new URL("ws", base).href, {
    token,
    onState: (name, { code, reason }) => {
      state.dataset.state = name;
      state.textContent = name === "waiting" ? "reconnecting" : name;
      state.title = code ? `closed with ${code} ${reason ?? ""}` : "";
      if (name === "closed") note(`Closed by the gateway: ${code} ${reason ?? ""}`);
    },
    onGap: ({ from, to, diverged }) => {
      ways.reset();
      head = 0;
      note(diverged ? `The log is another one from ${from} on.` : `The log no longer holds ${from} to ${to - 1}.`);
    },
    onError: (error) => note(`${error.code}: ${error.message}`),
  });
  const subscribe = async (name) => {
    const own = ++turn;
    subscription?.unsubscribe();
    subscription = undefined;
    input.value = name;
    heard.set(client, name);
    delete article.dataset.ready;
    events.replaceChildren(element("li", "empty", "Nothing on this topic yet."));
    const start = await historyStart(name).catch(() => ({}));
    if (own !== turn) return;
    head = start.head ?? 0;
    subscription = client.subscribe(name, (event) => show(eventLine(event, event.sequence > head)), start);
    subscription.ready.then(() => { if (own === turn) article.dataset.ready = name; }, () => {});
  };
  input.addEventListener("change", () => {
    if (input.value.trim() && input.value !== heard.get(client)) subscribe(input.value.trim());
  });
  role("form").addEventListener("submit", async (submit) => {
    submit.preventDefault();
    if (!message.value) return;
    const text = message.value, name = heard.get(client);
    message.value = "";
    try { committed((await client.publish(name, parse(text))).sequence, name); } catch (error) { note(`${error.code}: ${error.message}`); }
  });
  byID("panes").append(article);
  subscribe(topic);
}

function publishForm() {
  const form = byID("publish"), answer = byID("answer"), { topic, data } = form.elements;
  let next = 0;
  const suggest = () => { data.placeholder = examples[next % examples.length]; };
  const say = (text, isBad = false) => {
    answer.classList.toggle("bad", isBad);
    answer.textContent = text;
  };
  form.addEventListener("submit", async (submit) => {
    submit.preventDefault();
    const name = topic.value.trim(), started = performance.now();
    const body = JSON.stringify(parse(data.value || examples[next++ % examples.length]));
    try {
      const response = await request(topicPath(name), { method: "POST", headers: { "Content-Type": "application/json" }, body });
      const answered = performance.now(), { sequence, recordId, error } = await response.json();
      if (!response.ok) return say(`${response.status} ${error?.code}: ${error?.message}`, true);
      data.value = "";
      suggest();
      const text = `Committed as #${sequence} (${recordId}): answered to this page in ${duration(1000 * (answered - started))}`;
      say(`${text}.`);
      onArrival = (arrived) => {
        if (arrived === sequence) say(`${text}, on the screen in ${duration(1000 * (arrivals.get(sequence) - started))}.`);
      };
      // It may have overtaken its answer.
      if (arrivals.has(sequence)) onArrival(sequence);
      committed(sequence, name);
    } catch (error) {
      say(`The gateway can’t be reached: ${error.message}`, true);
    }
  });
  suggest();
}

/** The table: the record in the picture beside the median and the slowest one. @param {import("./demo-measures.js").Way} way */
function stages(way) {
  const { median, slowest } = ways.typical;
  if (!median) return;
  byID("times").hidden = false;
  byID("population").textContent = ways.recent.length === 1 ? "one record measured here" : `${ways.recent.length} records measured here`;
  byID("shown").textContent = `record #${way.sequence}`;
  const columns = [way, median, slowest].map(figures);
  byID("bar").replaceChildren(...timed.map(({ name }) => {
    const part = element("span", `stage-${name}`);
    part.style.flexGrow = Math.max(way.parts.get(name) ?? 0, way.total / 200);
    part.title = `${name}: ${columns[0].parts.get(name) ?? "–"}`;
    return part;
  }));
  const rows = timed.map(({ name }) => {
    const row = element("tr"), head = element("th");
    head.scope = "row";
    head.append(element("span", `swatch stage-${name}`), name);
    row.append(head, ...columns.map(({ parts }) => element("td", "", parts.get(name) ?? "–")));
    return row;
  });
  const sum = element("tr", "sum"), head = element("th", "", "total");
  head.scope = "row";
  sum.append(head, ...columns.map(({ total }) => element("td", "", total)));
  byID("stages").replaceChildren(...rows, sum);
}

/** What there is to say about a process that isn't there. */
function notice({ gateway, publishers }) {
  if (gateway === "closed") return "The gateway doesn’t answer. What was committed is on disk; the panes come back by themselves and get what they missed.";
  return publishers === 0 ? "No publisher runs. What is published is committed and waits in the queue; it is delivered when a publisher starts." : "";
}

/** Shows which processes are there, and what becomes of records where one isn't. */
function showProcesses() {
  const { gateway, publishers, queue } = found, state = (id, name, text) => {
    byID(id).dataset.state = name;
    byID(id).textContent = text;
  };
  state("gateway", gateway, gateway === "open" ? "gateway" : "gateway gone");
  if (publishers === undefined) state("publisher", "unknown", "publisher unknown");
  else if (publishers === 0) state("publisher", "closed", "publisher stopped");
  else state("publisher", "open", publishers === 1 ? "publisher" : `${publishers} publishers`);
  byID("publisher").title = queue ? `queue semantics: ${queue}` : "";
  const text = notice(found);
  if (byID("notice").textContent !== text) byID("notice").textContent = text;
  byID("notice").hidden = text === "";
  // A record whose topic no pane subscribes to any more comes to nobody here.
  const topics = new Set(heard.values());
  for (const [sequence, topic] of waiting) if (!topics.has(topic)) waiting.delete(sequence);
  path.processes(found, publishers === 0 ? waiting.size : 0);
}

/** The latencies of late. @param {import("./demo-measures.js").Window[]} rows */
function showWindows(rows) {
  if (rows.every(({ count }) => count === 0)) return;
  byID("lately").hidden = false;
  const say = (value) => (value === undefined ? "–" : duration(value));
  byID("windows").replaceChildren(...rows.map(({ name, count, p50, p99, max }) => {
    const row = element("tr"), head = element("th", "", name);
    head.scope = "row";
    row.append(head, element("td", "", count.toLocaleString("en")), ...[p50, p99, max].map((value) => element("td", "", say(value))));
    return row;
  }));
}

async function watch() {
  for (let turn = 0; ; turn++) {
    if (!document.hidden) {
      found = await processes();
      showProcesses();
      if (turn % 2 === 0 && found.gateway === "open") showWindows(await windows());
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

topics.forEach(pane);
publishForm();
byID("curl").textContent = `curl -d '{"hello":"world"}' -H 'Content-Type: application/json' ${new URL(topicPath(topics[0]), base)}`;
watch();
