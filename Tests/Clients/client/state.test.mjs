import assert from "node:assert/strict";
import test from "node:test";

import { part, random } from "./gateway.mjs";

const { REMEMBERED_FOR, begin, next } = await part("state");

const auto = {
  transport: "auto", hasWebSocket: true, hasFetch: true, getsTokens: false, minimumDelay: 100, maximumDelay: 1_000, random: () => 1,
};
const names = (actions) => actions.map(({ type, state, transport }) => [type, state ?? transport].filter(Boolean).join(" "));

/** Plays events on a connection, and says what each has brought. */
function play(policy, events, remembered) {
  let state = begin(policy, remembered, 0), now = 0;
  const told = [];
  for (const event of [{ type: "start" }, ...events]) {
    now += event.in ?? 1;
    const after = next(state, { now, ...event }, policy);
    state = after.state;
    told.push(names(after.actions));
  }
  return { state, told };
}

const broken = { type: "closed", code: 1006, reason: "" };

test("a WebSocket that can't be opened twice while HTTP works is blocked, and server-sent events come at once", () => {
  const { state, told } = play(auto, [broken, { type: "probed", works: true }, { type: "timer" }, broken, { type: "probed", works: true }, { type: "opened" }]);
  assert.deepEqual(told, [
    ["state connecting", "open websocket"], ["drop", "probe"], ["wait", "state waiting"], ["state connecting", "open websocket"], ["drop", "probe"],
    ["open sse"], ["remember sse", "state open", "resume"],
  ]);
  assert.equal(state.transport, "sse");
});

test("one time-out is enough", () => {
  const { told } = play(auto, [{ ...broken, hasTimedOut: true }, { type: "probed", works: true }]);
  assert.deepEqual(told.at(-1), ["open sse"]);
});

test("a gateway that is down says nothing about WebSockets", () => {
  const down = [broken, { type: "probed", works: false }, { type: "timer" }];
  const { state, told } = play(auto, [...down, ...down, ...down, broken, { type: "probed", works: true }]);
  assert.equal(state.transport, "websocket");
  assert.deepEqual(told.at(-1), ["wait", "state waiting"]);
});

test("a WebSocket that was open and is lost comes again as one", () => {
  const { state, told } = play(auto, [{ type: "opened" }, broken]);
  assert.deepEqual(told.at(-1), ["drop", "wait", "state waiting"]);
  assert.equal(state.transport, "websocket");
});

test("server-sent events that can't be had either lead back to the WebSocket", () => {
  const blocked = [{ ...broken, hasTimedOut: true }, { type: "probed", works: true }];
  assert.equal(play(auto, [...blocked, broken]).state.transport, "websocket");
  // No such route, which is no word about the client.
  const none = { type: "closed", code: 4403, reason: "", isWayOnly: true, error: { status: 404 } };
  const { state, told } = play(auto, [...blocked, none]);
  assert.deepEqual([state.phase, state.transport, told.at(-1)], ["waiting", "websocket", ["drop", "wait", "state waiting"]]);
  // A refusal of this client is one by any way.
  assert.equal(play(auto, [...blocked, { ...broken, code: 4429, error: { status: 429 } }]).state.transport, "sse");
});

test("what worked is taken first, for a while", () => {
  const remembered = { transport: "sse", at: 0 };
  assert.equal(begin(auto, remembered, REMEMBERED_FOR - 1).transport, "sse");
  assert.equal(begin(auto, remembered, REMEMBERED_FOR).transport, "websocket");
  assert.equal(begin({ ...auto, transport: "websocket" }, remembered, 1).transport, "websocket");
  assert.equal(play(auto, [{ type: "opened" }, broken], remembered).state.transport, "sse");
  assert.equal(play(auto, [{ type: "opened" }, { ...broken, in: REMEMBERED_FOR }], remembered).state.transport, "websocket");
  // Back at once where it is still blocked.
  const { told } = play(auto, [{ type: "opened" }, { ...broken, in: REMEMBERED_FOR }, { type: "timer" }, broken, { type: "probed", works: true }], remembered);
  assert.deepEqual(told.at(-1), ["open sse"]);
});

test("without a WebSocket there are server-sent events, and without fetch no fallback", () => {
  assert.deepEqual(play({ ...auto, hasWebSocket: false }, []).told, [["state connecting", "open sse"]]);
  assert.deepEqual(play({ ...auto, hasFetch: false }, [broken]).told.at(-1), ["drop", "wait", "state waiting"]);
  assert.deepEqual(play({ ...auto, transport: "websocket", hasWebSocket: false }, []).told, [["state connecting", "tell", "end", "state closed"]]);
  assert.deepEqual(play({ ...auto, transport: "sse", hasFetch: false }, []).told, [["state connecting", "tell", "end", "state closed"]]);
});

test("a new network has the WebSocket tried again", () => {
  const sse = [{ ...broken, hasTimedOut: true }, { type: "probed", works: true }, { type: "opened" }, broken];
  assert.deepEqual(play(auto, [...sse, { type: "awake", isNewNetwork: true }]).told.at(-1), ["stop waiting", "state connecting", "open websocket"]);
  assert.deepEqual(play(auto, [...sse, { type: "awake", isNewNetwork: false }]).told.at(-1), ["stop waiting", "state connecting", "open sse"]);
});

test("nobody comes back before the gateway's time, woken or not", () => {
  const policy = { ...auto, getsTokens: true };
  const refused = { type: "closed", code: 4429, reason: "", retryAfterMilliseconds: 5_000, error: { status: 429 } };
  let { state, actions } = next(begin(policy, undefined, 0), { type: "start", now: 0 }, policy);
  ({ state, actions } = next(state, { ...refused, now: 10 }, policy));
  // A quarter more at most, so that not all come at once.
  assert.equal(actions.find(({ type }) => type === "wait").milliseconds, 6_250);
  assert.deepEqual(next(state, { type: "awake", isNewNetwork: true, now: 5_009 }, policy).actions, []);
  assert.equal(next(state, { type: "awake", isNewNetwork: false, now: 5_010 }, policy).state.phase, "connecting");
});

test("waits double up to the longest, and begin with it after 1011 and 4429", () => {
  const delays = [];
  let state = begin(auto, undefined, 0);
  for (let count = 0; count < 6; count++) {
    ({ state } = next(state, { type: count === 0 ? "start" : "timer", now: 0 }, auto));
    const { state: after, actions } = next(state, { ...broken, isLocal: true, now: 0 }, auto);
    state = after;
    delays.push(actions.find(({ type }) => type === "wait").milliseconds);
  }
  assert.deepEqual(delays, [100, 200, 400, 800, 1_000, 1_000]);
  for (const code of [1011, 4429]) {
    const opened = next(next(begin(auto, undefined, 0), { type: "start", now: 0 }, auto).state, { type: "opened", now: 0 }, auto).state;
    assert.equal(next(opened, { type: "closed", code, reason: "", now: 0 }, auto).actions.find(({ type }) => type === "wait").milliseconds, 1_000);
  }
});

test("tokens that had expired as they came are asked for twice", () => {
  const policy = { ...auto, getsTokens: true }, expired = { type: "closed", code: 4402, reason: "" };
  assert.equal(play(policy, [{ type: "opened" }, expired, { type: "timer" }, { type: "opened" }, expired]).state.phase, "waiting");
  const { state, told } = play(policy, [expired, { type: "timer" }, expired]);
  assert.deepEqual([state.phase, told.at(-1)], ["closed", ["drop", "tell", "end", "state closed"]]);
  assert.equal(play(auto, [{ type: "opened" }, expired]).state.phase, "closed");
});

test("a connection that is about to be closed gets a successor, once, and again where that one fails", () => {
  const { told } = play(auto, [
    { type: "opened" }, { type: "closing" }, { type: "closing" }, { type: "successor failed" }, { type: "successor timer" }, { type: "succeeded" }, { type: "closing" },
  ]);
  assert.deepEqual(told.slice(2), [["succeed"], [], ["succeed later"], ["succeed"], [], ["succeed"]]);
});

test("a connection that ends before its successor is there is followed by that one", () => {
  const { state, told } = play(auto, [{ type: "opened" }, { type: "closing" }, { ...broken, code: 4011 }]);
  assert.deepEqual([state.phase, told.at(-1)], ["connecting", ["drop", "promote", "state connecting"]]);
});

test("whatever happens, a closed one stays closed, and one that isn't waits, connects or is open", () => {
  const seed = Number(process.env.SLUICE_SEED ?? Math.floor(Math.random() * 2 ** 32)), pick = random(seed);
  const events = [
    { type: "opened" }, broken, { ...broken, hasTimedOut: true }, { type: "closed", code: 1001, reason: "" }, { type: "closed", code: 4402, reason: "" },
    { type: "closed", code: 4401, reason: "" }, { ...broken, isLocal: true, error: new Error("token") }, { type: "probed", works: true },
    { type: "probed", works: false }, { type: "timer" }, { type: "awake", isNewNetwork: true }, { type: "awake", isNewNetwork: false }, { type: "closing" },
    { type: "successor failed" }, { type: "successor timer" }, { type: "close" },
  ];
  for (let round = 0; round < 3_000; round++) {
    const policy = { ...auto, getsTokens: pick() < 0.5, transport: ["auto", "auto", "websocket", "sse"][Math.floor(pick() * 4)] };
    let { state } = next(begin(policy, undefined, 0), { type: "start", now: 0 }, policy);
    // Of waits and connects there is one at a time: else a client would have two connections, or none.
    let expects = "session";
    for (let step = 0; step < 40; step++) {
      const event = events[Math.floor(pick() * events.length)];
      // Only what can happen: a connection opens and ends while there is one, a timer rings while it runs.
      if ((event.type === "opened" || event.type === "closed") && expects !== "session") continue;
      if (event.type === "opened" && state.phase !== "connecting") continue;
      if (event.type === "probed" && expects !== "probe") continue;
      if (event.type === "timer" && expects !== "timer") continue;
      const was = state, { state: after, actions } = next(state, { ...event, now: step }, policy);
      state = after;
      const why = `SLUICE_SEED=${seed}, round ${round}, step ${step}: ${event.type}`;
      if (was.phase === "closed") assert.deepEqual([state, actions], [was, []], why);
      for (const { type } of actions) {
        if (type === "open" || type === "promote") expects = "session";
        if (type === "wait") expects = "timer";
        if (type === "probe") expects = "probe";
        if (type === "end") expects = "nothing";
      }
      const right = { connecting: "session", open: "session", waiting: "timer", probing: "probe", closed: "nothing" }[state.phase];
      assert.equal(expects, right, why);
      if (policy.transport !== "auto") assert.equal(state.transport, policy.transport, why);
    }
  }
});
