import assert from "node:assert/strict";
import test from "node:test";

import { Gateway, connect, random, until } from "./gateway.mjs";

/** A client of server-sent events and what it has heard; it ends with the test, and the gateway too. */
function client(context, gateway, options = {}) {
  const seen = [], errors = [], states = [], gaps = [];
  const sluice = connect(gateway.url, {
    transport: "sse", minimumDelay: 5, maximumDelay: 20, onGap: (gap) => gaps.push(gap), onError: ({ code, topic }) => errors.push([code, topic]),
    onState: (state, { code }) => states.push(code === undefined ? state : `${state} ${code}`), ...options,
  });
  context.after(async () => {
    sluice.close();
    await gateway.stop();
  });
  const note = ({ topic, sequence }) => seen.push(`${topic}${sequence}`);
  return { sluice, seen, errors, states, gaps, note };
}

test("events come, each once and in order, over breaks and ends", async (context) => {
  const gateway = await new Gateway().start();
  const { sluice, seen, gaps, note } = client(context, gateway);
  await sluice.subscribe("t", note).ready;
  gateway.record("t", 1);
  gateway.record("other", 2);
  await until(() => seen.length === 1);
  gateway.break();
  gateway.record("t", 3);
  await until(() => seen.length === 2);
  gateway.end("draining", 10);
  gateway.record("t", 4);
  await until(() => seen.length === 3);
  assert.deepEqual(seen, ["t1", "t3", "t4"]);
  assert.deepEqual(gaps, []);
});

test("subscriptions of one turn share a stream, and one more has all go on from where they are", async (context) => {
  const gateway = await new Gateway().start();
  const { sluice, seen, note } = client(context, gateway);
  await until(() => sluice.state === "open");
  await Promise.all(["a", "b", "c"].map((topic) => sluice.subscribe(topic, note).ready));
  assert.equal(gateway.count("GET /sse"), 1);
  gateway.record("a", 1);
  await until(() => seen.length === 1);
  const d = sluice.subscribe("d", note);
  await d.ready;
  assert.equal(gateway.count("GET /sse"), 2);
  assert.match(gateway.requests.at(-1), /^GET \/sse\?topic=a&after=1&topic=b&after=0&topic=c&after=0&topic=d&after=&epoch=e1$|topic=a&after=1/);
  gateway.record("d", 2);
  d.unsubscribe();
  gateway.record("b", 3);
  await until(() => gateway.streams.size === 1 && [...gateway.streams][0].topics.size === 3);
  gateway.record("d", 4);
  gateway.record("c", 5);
  await until(() => seen.includes("c5"));
  assert.deepEqual(seen.filter((one) => one !== "d2"), ["a1", "b3", "c5"]);
});

test("whatever is subscribed to, given up, published and broken off, nothing is lost or repeated", async (context) => {
  const seed = Number(process.env.SLUICE_SEED ?? Math.floor(Math.random() * 2 ** 32)), pick = random(seed);
  const gateway = await new Gateway().start();
  const { sluice, gaps } = client(context, gateway);
  const seen = new Map(), kept = new Map();
  const hear = (topic) => {
    seen.set(topic, []);
    kept.set(topic, sluice.subscribe(topic, ({ sequence }) => seen.get(topic).push(sequence), { after: 0 }));
  };
  const topics = ["a", "b", "c/d e", "é&=+", "x?y#z"];
  for (const topic of topics.slice(0, 2)) hear(topic);
  for (let step = 0; step < 600; step++) {
    const topic = topics[Math.floor(pick() * topics.length)], chance = pick();
    if (chance < 0.6) gateway.record(topic, step);
    else if (chance < 0.7) gateway.break();
    else if (chance < 0.75) gateway.end("draining", 1);
    else if (chance < 0.85 && !kept.has(topic)) hear(topic);
    else if (chance < 0.9 && kept.has(topic)) {
      kept.get(topic).unsubscribe();
      kept.delete(topic);
    } else await new Promise((resolve) => setTimeout(resolve, pick() * 8));
  }
  for (const topic of topics) if (!kept.has(topic)) hear(topic);
  for (const topic of topics) {
    const all = gateway.log.filter((record) => record.topic === topic).map(({ sequence }) => sequence);
    await until(() => seen.get(topic).length >= all.length, `SLUICE_SEED=${seed}: all of ${topic}`);
    assert.deepEqual(seen.get(topic), all, `SLUICE_SEED=${seed}`);
  }
  assert.deepEqual(gaps, []);
});

test("topics that aren't allowed are told, and the others come", async (context) => {
  const gateway = await new Gateway().start();
  const { sluice, seen, errors, note } = client(context, gateway);
  gateway.forbidden.add("b").add("e");
  const subscriptions = ["a", "b", "c", "d", "e", "f"].map((topic) => sluice.subscribe(topic, note));
  const settled = await Promise.allSettled(subscriptions.map(({ ready }) => ready));
  assert.deepEqual(settled.map(({ status }) => status === "fulfilled"), [true, false, true, true, false, true]);
  assert.deepEqual(errors.sort(), [["Forbidden", "b"], ["Forbidden", "e"]]);
  for (const topic of ["a", "c", "d", "f"]) gateway.record(topic, 0);
  await until(() => seen.length === 4);
  assert.equal(sluice.state, "open");
  assert.equal(gateway.streams.size, 1);
});

test("topics of another epoch have a stream of their own", async (context) => {
  const gateway = await new Gateway().start();
  const { sluice, note } = client(context, gateway);
  sluice.subscribe("a", note, { after: 3, epoch: "old" });
  sluice.subscribe("b", note, { after: 4, epoch: "older" });
  await Promise.all([sluice.subscribe("c", note).ready]);
  await until(() => gateway.streams.size === 2);
  assert.deepEqual(gateway.requests.map((request) => request.replace("GET /sse?", "")).sort(), [
    "topic=a&after=3&epoch=old", "topic=b&after=4&topic=c&after=&epoch=older",
  ]);
});

test("more topics than four addresses can name are refused, one by one", async (context) => {
  const gateway = await new Gateway().start();
  const { sluice, errors, note } = client(context, gateway);
  const long = (number) => `${number}`.padStart(400, "x");
  const subscriptions = Array.from({ length: 60 }, (_, number) => sluice.subscribe(long(number), note));
  const settled = await Promise.allSettled(subscriptions.map(({ ready }) => ready));
  const good = settled.filter(({ status }) => status === "fulfilled").length;
  assert.ok(good >= 4 * 12 && good < 60, String(good));
  assert.equal(errors.filter(([code]) => code === "TooManySubscriptions").length, 60 - good);
  assert.equal(gateway.streams.size, 4);
  assert.ok(gateway.requests.every((request) => request.length < 8_000));
});

for (const [most, good, streams] of [[100, 250, 3], [80, 200, 4], [20, 48, 4]]) {
  test(`250 topics at a gateway that takes ${most} a stream share ${streams}, and what is left is refused`, async (context) => {
    const gateway = await new Gateway().start();
    gateway.topicsAStream = most;
    const { sluice, errors, seen, note } = client(context, gateway);
    const settled = await Promise.allSettled(Array.from({ length: 250 }, (_, number) => sluice.subscribe(`t${number}`, note).ready));
    const held = settled.filter(({ status }) => status === "fulfilled").length;
    assert.ok(held >= good && held + errors.length === 250, `${held} held, ${errors.length} refused`);
    await until(() => gateway.streams.size === streams);
    for (let number = 0; number < 250; number++) if (settled[number].status === "fulfilled") gateway.record(`t${number}`, 0);
    await until(() => seen.length === held);
  });
}

test("a publish waits for the connection, many share a request, and each gets its own number", async (context) => {
  const gateway = await new Gateway().start();
  const { sluice } = client(context, gateway);
  const answers = await Promise.all(Array.from({ length: 250 }, (_, number) => sluice.publish("t", number)));
  assert.deepEqual(answers.map(({ sequence }) => sequence), Array.from({ length: 250 }, (_, number) => number + 1));
  assert.deepEqual(gateway.log.map(({ data }) => data), Array.from({ length: 250 }, (_, number) => number));
  assert.ok(gateway.count("POST /topics") <= 4, String(gateway.count("POST")));
});

test("a refusal of which nothing was stored is repeated, and one of a record spares the others", async (context) => {
  const gateway = await new Gateway().start();
  const { sluice } = client(context, gateway);
  await until(() => sluice.state === "open");
  for (const [status, code, fields] of [[503, "QueueFull", {}], [503, "Overloaded", {}], [429, "TooManyRequests", { "Retry-After": "0" }]]) {
    gateway.refusals.push({ match: "POST", status, code, fields });
  }
  assert.deepEqual(await sluice.publish("t", 1), { sequence: 1 });
  assert.equal(gateway.count("POST"), 4);
  gateway.forbidden.add("no");
  const settled = await Promise.allSettled(["t", "t", "no", "t"].map((topic) => sluice.publish(topic, 2)));
  assert.deepEqual(settled.map(({ value, reason }) => value?.sequence ?? reason.code), [2, 3, "Forbidden", 4]);
});

test("what may be stored isn't repeated, and says so", async (context) => {
  const gateway = await new Gateway().start();
  const { sluice } = client(context, gateway);
  await until(() => sluice.state === "open");
  const ends = [{ hangsUp: true }, { status: 504, body: "<html>" }, { status: 500, code: "InternalError" }];
  const told = [];
  for (const end of ends) {
    gateway.refusals.push({ match: "POST", ...end });
    told.push(await sluice.publish("t", 1).catch(({ code, mayBeStored }) => [code, mayBeStored]));
  }
  assert.deepEqual(told, [["ConnectionLost", true], ["HTTP504", true], ["InternalError", false]]);
  assert.equal(gateway.count("POST"), 3);
});

test("a refusal that goes on is told when the time is over", async (context) => {
  const gateway = await new Gateway().start();
  const { sluice } = client(context, gateway, { requestTimeout: 150 });
  await until(() => sluice.state === "open");
  for (let count = 0; count < 100; count++) gateway.refusals.push({ match: "POST", status: 503, code: "QueueFull" });
  const error = await sluice.publish("t", 1).catch((error) => error);
  assert.deepEqual([error.code, error.mayBeStored], ["QueueFull", false]);
  gateway.refusals = [];
});

test("Retry-After is kept to", async (context) => {
  const gateway = await new Gateway().start();
  gateway.refusals.push({ match: "GET /sse", status: 429, code: "TooManyConnections", fields: { "Retry-After": "1" } });
  const started = Date.now();
  const { sluice, note, states } = client(context, gateway);
  await sluice.subscribe("t", note).ready;
  assert.ok(Date.now() - started >= 1_000, String(Date.now() - started));
  assert.deepEqual(states, ["connecting", "waiting 4429", "connecting", "open"]);
});

test("a token that has ended is renewed, for streams and for publishes, one question at a time", async (context) => {
  const gateway = await new Gateway().start();
  gateway.token = "1";
  let asked = 0;
  const getToken = async () => { asked += 1; return gateway.token; };
  const { sluice, seen, note, errors } = client(context, gateway, { getToken });
  await sluice.subscribe("t", note).ready;
  assert.equal(asked, 1);
  gateway.token = "2";
  const all = await Promise.all([sluice.publish("t", 1), sluice.publish("t", 2), sluice.publish("t", 3)]);
  assert.equal(all.length, 3);
  assert.equal(asked, 2);
  gateway.token = "3";
  gateway.end("token expired");
  await until(() => asked === 3 && gateway.streams.size === 1);
  gateway.record("t", 4);
  await until(() => seen.length === 4);
  assert.deepEqual(seen, ["t1", "t2", "t3", "t4"]);
  assert.deepEqual(errors, []);
  assert.equal(asked, 3);
});

test("a token that can't be got is told and asked for again", async (context) => {
  let asked = 0;
  const getToken = () => { if (++asked < 3) throw new Error("no"); return "1"; };
  const gateway = await new Gateway().start();
  const { sluice, errors } = client(context, gateway, { getToken });
  await until(() => sluice.state === "open");
  assert.deepEqual(errors, [["TokenFailed", undefined], ["TokenFailed", undefined]]);
  assert.equal(asked, 3);
});

test("a token that is refused ends the client", async (context) => {
  const gateway = await new Gateway().start();
  gateway.token = "right";
  const { sluice, errors, states, note } = client(context, gateway, { token: "wrong" });
  assert.equal(await sluice.subscribe("t", note).ready.catch(({ code }) => code), "ConnectionClosed");
  assert.deepEqual(errors, [["TokenExpired", undefined]]);
  assert.deepEqual(states, ["connecting", "closed 4402"]);
});

test("by default a gateway without WebSockets is found over server-sent events, and the next client knows", async (context) => {
  const gateway = await new Gateway().start();
  let sockets = 0;
  // As a proxy that refuses upgrades looks to a page.
  class Blocked {
    readyState = 3;
    constructor() { sockets += 1; setTimeout(() => { this.onerror?.({}); this.onclose?.({ code: 1006, reason: "" }); }, 1); }
    close() {}
  }
  const options = { transport: "auto", WebSocket: Blocked };
  const { sluice, seen, note, states } = client(context, gateway, options);
  await sluice.subscribe("t", note).ready;
  gateway.record("t", 1);
  await until(() => seen.length === 1);
  assert.deepEqual([sluice.transport, sockets], ["sse", 2]);
  assert.deepEqual(states, ["connecting", "waiting 1006", "connecting", "open"]);
  const second = connect(gateway.url, options);
  await until(() => second.state === "open");
  assert.deepEqual([second.transport, sockets], ["sse", 2]);
  second.close();
});

test("a WebSocket that is swallowed is given up in time", async (context) => {
  class Silent { readyState = 0; close() { this.readyState = 3; } }
  const gateway = await new Gateway().start();
  const { sluice } = client(context, gateway, { transport: "auto", WebSocket: Silent, connectTimeout: 50 });
  await until(() => sluice.state === "open");
  assert.equal(sluice.transport, "sse");
});

test("a gateway that comes back is found, and what was published meanwhile comes", async (context) => {
  const gateway = await new Gateway().start();
  const { sluice, seen, note } = client(context, gateway);
  await sluice.subscribe("t", note).ready;
  const { port } = gateway;
  await gateway.stop();
  await until(() => sluice.state === "waiting");
  const waiting = sluice.publish("t", "mine");
  gateway.record("t", 1);
  await gateway.start(port);
  assert.deepEqual(await waiting, { sequence: 2 });
  await until(() => seen.length === 2);
  assert.deepEqual(seen, ["t1", "t2"]);
});

test("addresses are those of the gateway, of its WebSocket, or below a path, with what else they ask", async (context) => {
  const gateway = await new Gateway().start();
  client(context, gateway);
  for (const address of [gateway.url, `${gateway.url}ws`, gateway.url.replace("http", "ws"), `${gateway.url}rt`, `${gateway.url}rt/`, new URL("rt/ws?who=me", gateway.url)]) {
    const sluice = connect(address, { transport: "sse" });
    await sluice.subscribe("t", () => {}).ready;
    await sluice.publish("t", 1);
    sluice.close();
  }
  const paths = gateway.requests.filter((request) => !request.startsWith("HEAD")).map((request) => request.replace("topic=t&after=", ""));
  const plain = ["GET /sse?", "POST /topics"], below = ["GET /rt/sse?", "POST /rt/topics"];
  assert.deepEqual(paths, [...plain, ...plain, ...plain, ...below, ...below, "GET /rt/sse?who=me&", "POST /rt/topics?who=me"]);
  assert.throws(() => connect(), TypeError);
  assert.throws(() => connect("ftp://nowhere/"), TypeError);
  assert.throws(() => connect(gateway.url, { transport: "carrier pigeon" }), TypeError);
});

test("a function that gives expired tokens is asked twice, also where HTTP has worked before a stream was wanted", async (context) => {
  const gateway = await new Gateway().start();
  gateway.token = "new";
  let asked = 0;
  const { sluice, errors, note } = client(context, gateway, { getToken: () => `old ${++asked}` });
  await until(() => sluice.state === "open");
  sluice.subscribe("t", note);
  await until(() => sluice.state === "closed");
  assert.deepEqual([asked, errors], [2, [["TokenExpired", undefined]]]);
});

test("streams end where signals are forgotten, as Node 18 may", async (context) => {
  const gateway = await new Gateway().start();
  const forgetful = (url, { signal: _, ...rest }) => fetch(url, rest);
  const { sluice, seen, note } = client(context, gateway, { fetch: forgetful });
  await sluice.subscribe("a", note).ready;
  await sluice.subscribe("b", note).ready;
  await until(() => gateway.streams.size === 1);
  gateway.record("a", 1);
  await until(() => seen.length === 1);
  sluice.close();
  await until(() => gateway.streams.size === 0);
});
