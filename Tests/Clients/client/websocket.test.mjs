import assert from "node:assert/strict";
import test from "node:test";

import { connect, until } from "./gateway.mjs";

/** WebSockets that the test speaks for, and a client of them. */
function client(context, options = {}) {
  const sockets = [], seen = [], errors = [], states = [], gaps = [];
  class Socket {
    readyState = 1;
    sent = [];
    constructor(url, protocols) {
      Object.assign(this, { url, protocols });
      sockets.push(this);
    }
    send(text) { this.sent.push(JSON.parse(text)); }
    close(code) { this.readyState = 3; this.closedWith = code; }
    say(message) { this.onmessage({ data: JSON.stringify(message) }); }
    connected() { this.say({ type: "connected", connectionId: `c${sockets.indexOf(this)}`, epoch: "e" }); }
    last(action) { return this.sent.findLast((message) => message.action === action); }
    subscribed(sequence) {
      const { id, topics } = this.last("subscribe");
      this.say({ type: "subscribed", id, epoch: "e", topics: topics.map((topic) => ({ topic, sequence })) });
    }
    event(sequence, previous = sequence - 1, topic = "t") { this.say({ type: "event", topic, sequence, previous, data: sequence }); }
    refuse(action, code, more = {}) { this.say({ type: "error", id: this.last(action).id, code, message: code, ...more }); }
  }
  const sluice = connect("wss://gateway.test/rt/ws", {
    transport: "websocket", WebSocket: Socket, minimumDelay: 1, maximumDelay: 4, onGap: (gap) => gaps.push(gap),
    onError: ({ code, topic }) => errors.push(topic === undefined ? code : `${code} ${topic}`), onState: (state) => states.push(state), ...options,
  });
  context.after(() => sluice.close());
  const open = async (number, topics = 1) => {
    await until(() => sockets.length > number, `socket ${number}`);
    sockets[number].connected();
    if (topics > 0) await until(() => sockets[number].last("subscribe"));
    return sockets[number];
  };
  return { sluice, sockets, seen, errors, states, gaps, open, note: ({ sequence }) => seen.push(sequence) };
}

test("a token goes as a subprotocol, never in the address, unless it has characters that a subprotocol can't have", async (context) => {
  for (const [token, protocols, query] of [["a.b-c_d", ["sluice.v1", "bearer.a.b-c_d"], ""], ["a=/b", "sluice.v1", "?token=a%3D%2Fb"], [undefined, "sluice.v1", ""]]) {
    const { sockets } = client(context, { token });
    await until(() => sockets.length === 1);
    assert.deepEqual([sockets[0].protocols, sockets[0].url.href], [protocols, `wss://gateway.test/rt/ws${query}`]);
  }
});

test("a token that ends soon is renewed on the connection, which stays", async (context) => {
  let asked = 0;
  const { sluice, sockets, seen, states, errors, open, note } = client(context, { getToken: () => `t${++asked}` });
  sluice.subscribe("t", note);
  const socket = await open(0);
  socket.subscribed(0);
  socket.event(1);
  socket.say({ type: "tokenExpires", inSeconds: 30 });
  await until(() => socket.last("authenticate"));
  assert.equal(socket.last("authenticate").token, "t2");
  // One that had been kept somewhere too long: the next one is better.
  socket.refuse("authenticate", "TokenExpired");
  await until(() => socket.last("authenticate").token === "t3");
  socket.event(2);
  socket.say({ type: "authenticated", id: socket.last("authenticate").id, expiresInSeconds: 60 });
  socket.event(3);
  assert.deepEqual([seen, states, errors, sockets.length, asked], [[1, 2, 3], ["connecting", "open"], [], 1, 3]);
  socket.say({ type: "tokenExpires", inSeconds: 30 });
  await until(() => socket.last("authenticate").token === "t4");
});

test("a token that can't be got is asked for again while the connection lasts, and a refused one is told", async (context) => {
  let asked = 0;
  const getToken = () => {
    asked += 1;
    if (asked === 2 || asked === 3) throw new Error("not now");
    return `t${asked}`;
  };
  const { sockets, errors, open } = client(context, { getToken });
  const socket = await open(0, 0);
  socket.say({ type: "tokenExpires", inSeconds: 30 });
  await until(() => socket.last("authenticate"));
  socket.refuse("authenticate", "Forbidden");
  assert.deepEqual([errors, sockets.length, socket.last("authenticate").token], [["TokenFailed", "TokenFailed", "Forbidden"], 1, "t4"]);
});

test("without getToken a token's end is waited for", async (context) => {
  const { sluice, open } = client(context, { token: "t" });
  const socket = await open(0, 0);
  socket.say({ type: "tokenExpires", inSeconds: 30 });
  assert.deepEqual(socket.sent, []);
  socket.onclose({ code: 4402, reason: "token expired" });
  assert.equal(sluice.state, "closed");
});

test("a subscription that the new token doesn't allow ends with an error, and the others go on", async (context) => {
  const { sluice, seen, errors, open, note } = client(context, { token: "t" });
  sluice.subscribe("t", note);
  sluice.subscribe("u", note);
  const socket = await open(0);
  socket.subscribed(0);
  socket.say({ type: "unsubscribed", topics: ["u"], code: "Forbidden", message: "no" });
  socket.event(1, 0, "u");
  socket.event(2, 0, "t");
  assert.deepEqual([seen, errors], [[2], ["Forbidden u"]]);
  // The client's own unsubscribe is answered with an id.
  socket.say({ type: "unsubscribed", id: "9", topics: ["t"] });
  socket.event(3, 2, "t");
  assert.deepEqual([seen, errors], [[2, 3], ["Forbidden u"]]);
});

test("a connection that will be closed is replaced before, without a hole, a repetition or a word", async (context) => {
  const { sluice, sockets, seen, states, gaps, open, note } = client(context);
  sluice.subscribe("t", note);
  const first = await open(0);
  first.subscribed(0);
  first.event(1);
  const published = sluice.publish("t", "x");
  first.say({ type: "closing", inSeconds: 60, reason: "maximum age" });
  first.say({ type: "closing", inSeconds: 60, reason: "maximum age" });
  await until(() => sockets.length === 2);
  first.event(2);
  const second = await open(1);
  // From now on the second counts; what the first still says the second says too.
  assert.deepEqual(second.last("subscribe").after, { t: 2 });
  first.event(3);
  assert.equal(first.closedWith, undefined, "it owes an answer");
  second.subscribed(3);
  second.event(3);
  second.event(4);
  first.say({ type: "published", id: first.last("publish").id, sequence: 4 });
  assert.deepEqual(await published, { sequence: 4 });
  assert.equal(first.closedWith, 1000);
  assert.deepEqual([seen, gaps, states, sockets.length, sluice.connectionId], [[1, 2, 3, 4], [], ["connecting", "open"], 2, "c1"]);
});

test("a successor that can't be had is tried again, and one that is on its way takes over when the first ends", async (context) => {
  const { sluice, sockets, seen, states, open, note } = client(context);
  sluice.subscribe("t", note);
  const first = await open(0);
  first.subscribed(0);
  first.say({ type: "closing", inSeconds: 60, reason: "maximum age" });
  await until(() => sockets.length === 2);
  sockets[1].onclose({ code: 1006, reason: "" });
  await until(() => sockets.length === 3);
  first.event(1);
  assert.equal(sluice.state, "open");
  first.onclose({ code: 4011, reason: "too old" });
  assert.equal(sluice.state, "connecting");
  const third = await open(2);
  third.subscribed(1);
  third.event(2);
  assert.deepEqual([seen, states, sockets.length], [[1, 2], ["connecting", "open", "connecting", "open"], 3]);
});

test("a refused publish is repeated where nothing was stored, after the time that the gateway says", async (context) => {
  const { sluice, sockets, open } = client(context);
  const socket = await open(0, 0);
  const tries = () => socket.sent.filter(({ action }) => action === "publish").length;
  const published = sluice.publish("t", 1);
  let count = 1;
  for (const code of ["QueueFull", "Overloaded", "ShuttingDown", "AuthorizerUnavailable", "TooManyTopics"]) {
    socket.refuse("publish", code);
    await until(() => tries() === count + 1);
    count += 1;
  }
  const before = Date.now();
  socket.refuse("publish", "TooManyRequests", { retryAfterMilliseconds: 60 });
  await until(() => tries() === count + 1);
  assert.ok(Date.now() - before >= 59);
  socket.say({ type: "published", id: socket.last("publish").id, sequence: 7 });
  assert.deepEqual(await published, { sequence: 7 });
  for (const code of ["Forbidden", "InvalidTopic", "StorageFailed", "InternalError", "PayloadTooLarge", "TokenExpired"]) {
    const refused = sluice.publish("t", 1).catch((error) => error.code);
    socket.refuse("publish", code);
    assert.equal(await refused, code);
  }
  assert.equal(sockets.length, 1);
});

test("one that was refused goes over the next connection where this one ends", async (context) => {
  const { sluice, open } = client(context);
  const first = await open(0, 0);
  const [refused, sent] = [sluice.publish("t", 1), sluice.publish("t", 2).catch(({ code, mayBeStored }) => [code, mayBeStored])];
  first.say({ type: "error", id: first.sent[0].id, code: "ShuttingDown", message: "", retryAfter: 0.001 });
  first.onclose({ code: 1001, reason: "going away" });
  const second = await open(1, 0);
  await until(() => second.last("publish"));
  second.say({ type: "published", id: second.last("publish").id, sequence: 9 });
  assert.deepEqual([await refused, await sent], [{ sequence: 9 }, ["ConnectionLost", true]]);
});

test("what wasn't answered in time may be stored, what wasn't sent can't", async (context) => {
  const { sluice, open } = client(context, { requestTimeout: 30 });
  const unsent = await sluice.publish("t", 1).catch(({ code, mayBeStored }) => [code, mayBeStored]);
  await open(0, 0);
  const sent = await sluice.publish("t", 1).catch(({ code, mayBeStored }) => [code, mayBeStored]);
  assert.deepEqual([unsent, sent], [["Timeout", false], ["Timeout", true]]);
});

test("4429 after a word about the time is waited out, and without one begins with the longest wait", async (context) => {
  const waits = [];
  const { sockets, open } = client(context, { onState: (_, { retryInMilliseconds }) => retryInMilliseconds && waits.push(retryInMilliseconds) });
  const first = await open(0, 0);
  first.say({ type: "error", code: "TooManyRequests", message: "slow down", retryAfterMilliseconds: 50 });
  first.onclose({ code: 4429, reason: "" });
  const second = await open(1, 0);
  second.onclose({ code: 4429, reason: "" });
  await until(() => sockets.length === 3);
  assert.ok(waits[0] >= 50 && waits[0] <= 63 && waits[1] <= 4, String(waits));
});

test("a client that its own handler closes stays closed", async (context) => {
  for (const at of ["connecting", "open", "waiting"]) {
    const box = {};
    const { sluice, sockets } = Object.assign(box, client(context, { onState: (state) => state === at && queueMicrotask(() => box.sluice.close()) }));
    await until(() => sockets.length === 1 || sluice.state === "closed");
    sockets[0]?.connected();
    sockets[0]?.onclose({ code: 1006, reason: "" });
    await until(() => sluice.state === "closed");
    const count = sockets.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(sockets.length, count, at);
  }
});

test("handlers that throw stop nothing", async (context) => {
  const errors = [];
  const { sluice, open, seen, note } = client(context, {
    onState: () => { throw new Error("mine"); }, onError: ({ code }) => { errors.push(code); throw new Error("mine too"); },
  });
  sluice.subscribe("t", note);
  const socket = await open(0);
  socket.subscribed(0);
  socket.event(1);
  assert.deepEqual([seen, errors], [[1], ["HandlerFailed", "HandlerFailed"]]);
});
