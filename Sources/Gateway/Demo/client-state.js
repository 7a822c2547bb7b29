// When to connect, by which transport, and how long to wait: a pure value. An event comes in with its time, and actions come out, which client.js
// performs.

import { REFUSALS, SluiceError, backoff, reconnectsAfter } from "./client-errors.js";

/**
 * @typedef {object} Connection
 * @property {"new" | "connecting" | "probing" | "open" | "waiting" | "closed"} phase
 * @property {"websocket" | "sse"} transport of the connection that is open or comes next
 * @property {number} attempt waits in a row
 * @property {number} blocked how often in a row the WebSocket couldn't be opened while HTTP worked; a time-out counts twice
 * @property {boolean} isStale the last connect's token, though just got, had expired
 * @property {number} notBefore the gateway has said not to come earlier
 * @property {number} foundAt when server-sent events were found to be what works
 * @property {"none" | "opening" | "waiting"} successor the connection that follows one that the gateway is about to close
 * @property {{code: number, reason: string}} [failure] what the probe is about
 */

/**
 * @typedef {object} Policy
 * @property {"auto" | "websocket" | "sse"} transport
 * @property {boolean} hasWebSocket
 * @property {boolean} hasFetch
 * @property {boolean} getsTokens
 * @property {number} minimumDelay
 * @property {number} maximumDelay
 * @property {() => number} [random]
 */

/** A WebSocket that couldn't be opened so often while HTTP worked is blocked. */
const BLOCKED_AFTER = 2;
/** So long server-sent events are taken first, milliseconds: the network may be another one by then. */
export const REMEMBERED_FOR = 600_000;

/**
 * Before the first connect.
 * @param {Policy} policy @param {{transport: string, at: number} | undefined} remembered what worked the last time @param {number} now
 * @returns {Connection}
 */
export function begin(policy, remembered, now) {
  const isSSE = policy.transport === "sse" || (policy.transport === "auto" && (!policy.hasWebSocket || isRecent(remembered, now)));
  return {
    phase: "new", transport: isSSE ? "sse" : "websocket", attempt: 0, blocked: 0, isStale: false, notBefore: 0,
    foundAt: remembered?.at ?? now, successor: "none",
  };
}

const isRecent = (remembered, now) => remembered?.transport === "sse" && now - remembered.at < REMEMBERED_FOR;

/**
 * What an event makes of a connection, and what is to be done.
 * @param {Connection} state @param {{type: string, now: number, [detail: string]: *}} event @param {Policy} policy
 * @returns {{state: Connection, actions: {type: string, [detail: string]: *}[]}}
 */
export function next(state, event, policy) {
  if (state.phase === "closed") return { state, actions: [] };
  switch (event.type) {
    case "start":
      return connecting(state, policy);
    case "opened":
      return opened(state, event, policy);
    case "proven":
      return { state: { ...state, attempt: 0, isStale: false }, actions: [] };
    case "closed":
      return closed(state, event, policy);
    case "probed":
      return state.phase === "probing" ? probed(state, event, policy) : { state, actions: [] };
    case "timer":
      return state.phase === "waiting" ? connecting(state, policy) : { state, actions: [] };
    case "awake":
      return awake(state, event, policy);
    case "closing":
      if (state.phase !== "open" || state.successor !== "none") return { state, actions: [] };
      return { state: { ...state, successor: "opening" }, actions: [{ type: "succeed" }] };
    case "succeeded":
      return { state: { ...state, successor: "none", attempt: 0, isStale: false }, actions: [] };
    case "successor failed":
      if (state.phase !== "open" || state.successor !== "opening") return { state, actions: [] };
      return {
        state: { ...state, successor: "waiting", attempt: state.attempt + 1 },
        actions: [{ type: "succeed later", in: backoff(state.attempt, policy.minimumDelay, policy.maximumDelay, policy.random) }],
      };
    case "successor timer":
      if (state.phase !== "open" || state.successor !== "waiting") return { state, actions: [] };
      return { state: { ...state, successor: "opening" }, actions: [{ type: "succeed" }] };
    case "close":
      return ended(state, { code: 1000, reason: "" });
  }
  throw new TypeError(`no such event: ${event.type}`);
}

function connecting(state, policy) {
  const open = { type: "open", transport: state.transport };
  const lacks = state.transport === "websocket" ? !policy.hasWebSocket : !policy.hasFetch;
  const isConnecting = { type: "state", state: "connecting", detail: {} };
  if (!lacks) return { state: { ...state, phase: "connecting" }, actions: [isConnecting, open] };
  const error = state.transport === "websocket"
    ? new SluiceError("NoWebSocket", "There is no WebSocket here: give one as the option WebSocket, such as that of the package ws.")
    : new SluiceError("NoFetch", "There is no fetch here: give one as the option fetch.");
  const end = ended(state, { code: 1006, reason: error.code });
  return { state: end.state, actions: [isConnecting, { type: "tell", error }, ...end.actions] };
}

/** A connection is there. That HTTP works, without a stream, proves nothing about the token, and the next waits aren't shorter for it. */
function opened(state, { now, isProven = true }, { transport }) {
  const isSSE = state.transport === "sse";
  const isFound = isSSE && state.blocked >= BLOCKED_AFTER;
  const proof = isProven ? { attempt: 0, isStale: false } : {};
  const after = { ...state, ...proof, phase: "open", notBefore: 0, blocked: 0, successor: "none", foundAt: isFound ? now : state.foundAt };
  const remember = transport === "auto" && (isFound || !isSSE) ? [{ type: "remember", transport: state.transport }] : [];
  return { state: after, actions: [...remember, { type: "state", state: "open", detail: {} }, { type: "resume" }] };
}

function closed(state, event, policy) {
  const { code, reason } = event;
  if (state.phase === "waiting") return { state, actions: [] };
  const wasOpen = state.phase === "open";
  if (wasOpen && state.successor === "opening" && !REFUSALS.has(code)) {
    return {
      state: { ...state, phase: "connecting", successor: "none" },
      actions: [{ type: "drop" }, { type: "promote" }, { type: "state", state: "connecting", detail: { code, reason } }],
    };
  }
  // A new token mends an old one's end. One that had expired as it was got may have been kept somewhere too long; two in a row are refused.
  const wasTaken = wasOpen && !event.isRefusal;
  const getsTokens = policy.getsTokens && (wasTaken || !state.isStale);
  const isRenewed = code === 4402 && getsTokens;
  const after = { ...state, isStale: code === 4402 && !wasTaken, successor: "none" };
  // Nothing is wrong with the client where a gateway has no such way; another one may do.
  const goesBack = event.isWayOnly && policy.transport === "auto" && policy.hasWebSocket && !wasOpen;
  const comesBack = goesBack || reconnectsAfter(code, getsTokens);
  // A page can't see the answer to a refused connect: the gateway says it with the close.
  const refusal = isRenewed || goesBack ? undefined : REFUSALS.get(code);
  const actions = [{ type: "drop", isWhole: true }];
  if (refusal || event.isLocal || !comesBack) {
    const error = event.error ?? (refusal && new SluiceError(refusal, reason));
    if (error) actions.push({ type: "tell", error });
  }
  if (!comesBack) return join(actions, ended(after, event));
  if (policy.transport === "auto" && policy.hasFetch && state.transport === "websocket" && !wasOpen && code === 1006 && !event.isLocal) {
    const failure = { code, reason, hasTimedOut: event.hasTimedOut };
    return { state: { ...after, phase: "probing", failure }, actions: [...actions, { type: "probe" }] };
  }
  return join(actions, waiting(elsewhere(after, event, wasOpen, policy), event, policy));
}

/** Server-sent events that couldn't be had, or were found long ago: the WebSocket comes next. */
function elsewhere(state, { now, error, isWayOnly, isLocal }, wasOpen, policy) {
  if (policy.transport !== "auto" || !policy.hasWebSocket || state.transport !== "sse") return state;
  const isNear = wasOpen && now - state.foundAt < REMEMBERED_FOR;
  // What the gateway refuses to this client it refuses by any way.
  const isRefused = error?.status < 500 && !isWayOnly;
  if (isNear || isRefused || isLocal) return state;
  return { ...state, transport: "websocket", blocked: BLOCKED_AFTER - 1 };
}

function probed(state, { works, now }, policy) {
  const { failure, ...rest } = state;
  // Nothing works: the gateway or the network is away, and that says nothing about WebSockets.
  if (!works) return waiting({ ...rest, blocked: 0 }, { ...failure, now }, policy);
  const blocked = rest.blocked + (failure.hasTimedOut ? 2 : 1);
  if (blocked < BLOCKED_AFTER) return waiting({ ...rest, blocked }, { ...failure, now }, policy);
  return { state: { ...rest, phase: "connecting", transport: "sse", blocked }, actions: [{ type: "open", transport: "sse" }] };
}

function waiting(state, { code, reason, now, retryAfterMilliseconds }, { minimumDelay, maximumDelay, random = Math.random }) {
  // A gateway that has failed (1011), or that has had too much of us (4429), isn't helped by clients that come back at once.
  const isLate = (code === 1011 || code === 4429) && retryAfterMilliseconds === undefined;
  const attempt = isLate ? 30 : state.attempt;
  const asked = retryAfterMilliseconds ?? 0;
  const delay = Math.max(backoff(attempt, minimumDelay, maximumDelay, random), asked * (1 + random() / 4));
  return {
    state: { ...state, phase: "waiting", attempt: attempt + 1, notBefore: now + asked },
    actions: [
      { type: "wait", milliseconds: delay },
      { type: "state", state: "waiting", detail: { code, reason, retryInMilliseconds: Math.round(delay) } },
    ],
  };
}

/** Somebody looks at the page again, or the network is back. */
function awake(state, { isNewNetwork, now }, policy) {
  if (state.phase === "open") return { state, actions: [{ type: "ask", isNewNetwork }] };
  if (state.phase !== "waiting" || now < state.notBefore) return { state, actions: [] };
  const isAuto = policy.transport === "auto" && policy.hasWebSocket;
  const again = isNewNetwork && isAuto ? { ...state, transport: "websocket", blocked: 0 } : state;
  const { state: after, actions } = connecting(again, policy);
  return { state: after, actions: [{ type: "stop waiting" }, ...actions] };
}

function ended(state, { code, reason }) {
  const actions = [{ type: "end", code, reason }, { type: "state", state: "closed", detail: { code, reason } }];
  return { state: { ...state, phase: "closed" }, actions };
}

const join = (actions, { state, actions: more }) => ({ state, actions: [...actions, ...more] });
