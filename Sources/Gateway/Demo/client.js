// A client for Sluice: connect, subscribe, publish. It reconnects with back-off and resumes where it was, over WebSocket, or over server-sent
// events where a WebSocket can't be had (docs/client.md).
//
//     import { connect } from "https://gateway.example.org/client.js";
//     const sluice = connect({ getToken });
//     const orders = sluice.subscribe("orders/42", (event) => console.log(event.sequence, event.data));
//     await sluice.publish("orders/42", { total: 3 });
//
// It keeps the promise that the gateway gives: for each topic every event comes once, in order; after a reconnect what was missed comes first.
// Where the gateway's log has been trimmed too far back, or is another one by now, `onGap` is told instead of silence.

import { addresses, forget, recall, remember } from "./client-address.js";
import { SluiceError, backoff, errorOf, passes, reconnectsAfter } from "./client-errors.js";
import { Publishes } from "./client-publishes.js";
import { SSESession, probe } from "./client-sse.js";
import { begin, next } from "./client-state.js";
import { Renewal, Tokens } from "./client-tokens.js";
import { Topics } from "./client-topics.js";
import { WebSocketSession } from "./client-websocket.js";

export { SluiceError, backoff, reconnectsAfter };

/** What brings people and networks back. */
const WAKING = ["online", "focus", "pageshow", "visibilitychange"];
/** How long a connection that was replaced may take for its last answers, milliseconds. */
const LEAVING = 10_000;
const TRANSPORTS = ["auto", "websocket", "sse"];
const DEFAULTS = {
  transport: "auto", minimumDelay: 500, maximumDelay: 30_000, connectTimeout: 10_000, requestTimeout: 15_000, pingInterval: 20_000,
  credentials: "same-origin",
};

/**
 * Opens a connection that stays open.
 * @param {string | URL | import("./client.js").Options} [url] the gateway's, or that of its `/ws`; without one that which has served this module
 * @param {import("./client.js").Options} [options]
 * @returns {Client}
 */
export function connect(url, options) {
  if (url !== undefined && typeof url !== "string" && !(url instanceof URL)) return new Client(undefined, url);
  return new Client(url, options);
}

/** One connection to a gateway, made by {@link connect}. */
export class Client {
  #options;
  #addresses;
  #tokens;
  #publishes;
  #policy;
  /** @type {import("./client-state.js").Connection} */ #state;
  /** How many events there were: what is left of an event's actions isn't done when one of them has brought the next. */ #events = 0;
  #session;
  /** The connection that is to follow. */ #successor;
  /** The connects that wait for their token. @type {{isSuccessor: boolean} | undefined} */ #opening;
  /** Connections that were replaced and owe answers. @type {Map<object, *>} */ #leaving = new Map();
  /** @type {Topics} */ #topics;
  #nextID = 1;
  #timer;
  #successorTimer;
  /** @type {Renewal} */ #renewal;
  #wake = ({ type }) => this.#awake(type === "online");

  /** @param {string | URL | undefined} url @param {import("./client.js").Options} [options] */
  constructor(url, options = {}) {
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    this.#options = { ...DEFAULTS, WebSocket: globalThis.WebSocket, fetch: globalThis.fetch?.bind(globalThis), ...given };
    const { transport, requestTimeout, minimumDelay, maximumDelay, WebSocket, fetch } = this.#options;
    if (!TRANSPORTS.includes(transport)) throw new TypeError(`transport is one of ${TRANSPORTS.join(", ")}: ${transport}`);
    this.#addresses = addresses(url, import.meta.url);
    this.#tokens = new Tokens(options.getToken ?? options.token, requestTimeout);
    const fail = (error) => this.#fail(error), delays = { minimumDelay, maximumDelay };
    this.#renewal = new Renewal(this.#tokens, { ...delays, id: () => this.#id(), fail });
    this.#topics = new Topics({ maximumDelay, onGap: options.onGap, fail });
    this.#publishes = new Publishes({ requestTimeout, ...delays, tokens: this.#tokens });
    this.#policy = {
      transport, hasWebSocket: Boolean(WebSocket), hasFetch: Boolean(fetch), getsTokens: this.#tokens.canRenew, ...delays,
    };
    this.#state = begin(this.#policy, transport === "auto" ? recall(this.#addresses.socket) : undefined, Date.now());
    for (const event of WAKING) globalThis.addEventListener?.(event, this.#wake);
    this.#dispatch({ type: "start" });
  }

  /** The connection's id while it is open, over WebSocket. @type {string | undefined} */
  connectionId;

  /** @returns {"connecting" | "open" | "waiting" | "closed"} */
  get state() {
    const { phase } = this.#state;
    return phase === "new" || phase === "probing" ? "connecting" : phase;
  }

  /** What the connection that is open, or tried, goes over. @returns {"websocket" | "sse"} */
  get transport() {
    return this.#state.transport;
  }

  /**
   * Calls `handler` for each event of a topic, now and after every reconnect.
   * @param {string} topic
   * @param {(event: import("./client.js").SluiceEvent) => void} handler
   * @param {import("./client.js").SubscribeOptions} [options]
   * @returns {import("./client.js").Subscription}
   */
  subscribe(topic, handler, { after, epoch, onGap } = {}) {
    const entry = this.#topics.get(topic, this.state === "closed");
    const listener = entry.add(handler, onGap, after, epoch);
    if (this.state === "open" && entry.isAsking) this.#session?.subscribe([entry]);
    return {
      topic,
      get sequence() {
        return listener.last;
      },
      get epoch() {
        return listener.epoch;
      },
      ready: entry.ready,
      unsubscribe: () => {
        if (!this.#topics.leave(entry, listener)) return;
        if (this.state === "open") this.#session?.unsubscribe(topic);
      },
    };
  }

  /**
   * Publishes and waits until the record is committed. While the connection is down the call waits for it. A refusal that passes and of which
   * nothing was stored is repeated; a call whose acknowledgement is lost with the connection is rejected with the code `ConnectionLost`.
   * @param {string} topic
   * @param {*} data any JSON value
   * @param {import("./client.js").PublishOptions} [options] for content that isn't JSON: `data` is then a string
   * @returns {Promise<{sequence: number}>}
   */
  publish(topic, data, { contentType, encoding } = {}) {
    if (this.state === "closed") return Promise.reject(new SluiceError("ConnectionClosed", "The connection is closed."));
    return this.#publishes.add(this.#id(), { topic, contentType, encoding, data });
  }

  /** Closes the connection for good. */
  close() {
    this.#dispatch({ type: "close" });
  }

  #dispatch(event) {
    const { state, actions } = next(this.#state, { ...event, now: Date.now() }, this.#policy);
    this.#state = state;
    if (actions.length === 0) return;
    const turn = ++this.#events;
    for (const action of actions) {
      this.#perform(action);
      // A handler has closed the client, or somebody came back.
      if (turn !== this.#events) return;
    }
  }

  #perform(action) {
    switch (action.type) {
      case "open": return void this.#open({ isSuccessor: false });
      case "state": return this.#call("onState", action.state, action.detail);
      case "tell": return this.#fail(action.error);
      case "resume": return this.#resume();
      case "drop": return this.#drop(action.isWhole);
      case "remember": return remember(this.#addresses.socket, action.transport, Date.now());
      case "probe": return void this.#probe();
      case "wait":
        this.#timer = setTimeout(() => this.#dispatch({ type: "timer" }), action.milliseconds);
        return;
      case "stop waiting": return clearTimeout(this.#timer);
      case "ask": return this.#session?.ask(action.isNewNetwork);
      case "succeed": return this.#succeed();
      case "succeed later":
        this.#successorTimer = setTimeout(() => this.#dispatch({ type: "successor timer" }), action.in);
        return;
      case "promote":
        if (this.#opening) this.#opening.isSuccessor = false;
        this.#session = this.#successor;
        this.#successor = undefined;
        return;
      case "end": return this.#end(action);
    }
  }

  /** Gets a token and connects with it. @param {{isSuccessor: boolean}} opening */
  async #open(opening) {
    this.#opening = opening;
    let session;
    try {
      const token = await this.#tokens.renew();
      if (opening !== this.#opening || this.state === "closed") return;
      session = this.#make(token);
    } catch (cause) {
      if (opening !== this.#opening || this.state === "closed") return;
      this.#opening = undefined;
      const error = cause instanceof SluiceError ? cause : new SluiceError("ConnectFailed", String(cause), { cause });
      if (!opening.isSuccessor) return this.#dispatch({ type: "closed", code: 1006, reason: error.message, error, isLocal: true });
      this.#fail(error);
      return this.#dispatch({ type: "successor failed" });
    }
    this.#opening = undefined;
    if (opening.isSuccessor) this.#successor = session;
    else this.#session = session;
  }

  #make(token) {
    const { WebSocket, fetch, connectTimeout, requestTimeout, pingInterval, credentials } = this.#options;
    const on = {
      id: () => this.#id(),
      opened: (message) => this.#opened(session, message),
      message: (message) => this.#receive(session, message),
      closed: (end) => this.#closed(session, end),
    };
    const session = this.#state.transport === "websocket"
      ? new WebSocketSession({ WebSocket, url: this.#addresses.socket, token, connectTimeout, pingInterval }, on)
      : new SSESession({
        fetch, addresses: this.#addresses, tokens: this.#tokens, credentials, connectTimeout, requestTimeout,
        topics: () => this.#topics.all, refused: (entry, error) => this.#topics.refuse(entry, error),
      }, on);
    return session;
  }

  /** The connection will be closed by the gateway: another one takes its place before. */
  #succeed() {
    if (this.#state.transport === "websocket") return void this.#open({ isSuccessor: true });
    this.#session?.reopen();
    this.#dispatch({ type: "succeeded" });
  }

  #opened(session, { connectionId, isProven }) {
    if (session === this.#successor) {
      const old = this.#session;
      this.#session = session;
      this.#successor = undefined;
      this.connectionId = connectionId;
      this.#renewal.stop();
      this.#dispatch({ type: "succeeded" });
      this.#resume();
      if (old) this.#leave(old);
    } else if (session === this.#session) {
      this.connectionId = connectionId;
      this.#dispatch({ type: "opened", isProven });
    }
  }

  #resume() {
    const { all } = this.#topics;
    if (all.length > 0) this.#session?.resume(all);
    if (this.#session) this.#publishes.use(this.#session);
  }

  /** It goes when it owes nothing any more. */
  #leave(session) {
    this.#leaving.set(session, setTimeout(() => this.#left(session), LEAVING));
    if (!this.#publishes.isOwed(session)) this.#left(session);
  }

  #left(session) {
    clearTimeout(this.#leaving.get(session));
    this.#leaving.delete(session);
    this.#publishes.lost(session);
    session.close(1000);
  }

  #closed(session, end) {
    if (session === this.#session) return this.#dispatch({ type: "closed", ...end });
    this.#left(session);
    if (session !== this.#successor) return;
    this.#successor = undefined;
    this.#dispatch({ type: "successor failed" });
  }

  async #probe() {
    const { fetch, connectTimeout } = this.#options;
    const works = await probe({ fetch, addresses: this.#addresses, connectTimeout });
    this.#dispatch({ type: "probed", works });
  }

  #receive(session, message) {
    const isCurrent = session === this.#session;
    switch (message.type) {
      case "event":
        if (isCurrent) this.#topics.event(message);
        return;
      case "subscribed":
        if (!isCurrent) return;
        this.#topics.subscribed(message);
        this.#dispatch({ type: "proven" });
        return;
      case "published":
        this.#publishes.published(message.id, message.sequence);
        if (this.#leaving.has(session) && !this.#publishes.isOwed(session)) this.#left(session);
        return;
      case "error": return this.#refused(message, isCurrent);
      case "unsubscribed": return isCurrent && message.id === undefined ? this.#topics.taken(message) : undefined;
      case "tokenExpires": return isCurrent ? void this.#renewal.begin(session) : undefined;
      case "authenticated": return this.#renewal.authenticated(message.id);
      case "closing": return isCurrent ? this.#dispatch({ type: "closing" }) : undefined;
    }
  }

  #refused(message, isCurrent) {
    const error = errorOf(message), { id } = message;
    if (this.#publishes.refused(id, error) || !isCurrent) return;
    if (this.#renewal.refused(id, error)) return;
    const entries = this.#topics.askedBy(id);
    if (entries.length > 0 && passes(error)) {
      return this.#topics.askAgain(entries, id, error.retryAfterMilliseconds ?? 1_000, (waiting) => this.#session?.subscribe(waiting));
    }
    if (entries.length > 1) {
      // All of them or none are subscribed: halves find the one that isn't allowed, and spare the others.
      const middle = entries.length >> 1;
      this.#session?.subscribe(entries.slice(0, middle));
      return this.#session?.subscribe(entries.slice(middle));
    }
    if (entries.length === 1) return this.#topics.refuse(entries[0], error);
    this.#fail(error);
  }

  #awake(isNewNetwork) {
    if (globalThis.document?.visibilityState === "hidden") return;
    if (isNewNetwork) forget(this.#addresses.socket);
    this.#dispatch({ type: "awake", isNewNetwork });
  }

  /** @param {boolean} isWhole whether no other connection takes its place */
  #drop(isWhole) {
    this.#topics.quiet();
    this.#renewal.stop();
    clearTimeout(this.#successorTimer);
    this.connectionId = undefined;
    const session = this.#session;
    this.#session = undefined;
    session?.close();
    if (session) this.#publishes.lost(session);
    if (!isWhole) return;
    this.#opening = undefined;
    this.#successor?.close();
    this.#successor = undefined;
  }

  #end({ code, reason }) {
    clearTimeout(this.#timer);
    for (const event of WAKING) globalThis.removeEventListener?.(event, this.#wake);
    const message = `The connection is closed (${code} ${reason}).`;
    this.#publishes.end((mayBeStored) => new SluiceError("ConnectionClosed", message, { mayBeStored }));
    for (const session of [this.#session, ...this.#leaving.keys()]) session?.close(1000);
    this.#drop(true);
    for (const timer of this.#leaving.values()) clearTimeout(timer);
    this.#leaving.clear();
    for (const entry of this.#topics.all) entry.reject(new SluiceError("ConnectionClosed", message));
  }

  #call(name, ...values) {
    try {
      this.#options[name]?.(...values);
    } catch (cause) {
      this.#fail(new SluiceError("HandlerFailed", `${name} threw: ${cause}`, { cause }));
    }
  }

  #fail(error) {
    if (!this.#options.onError) return console.error(error);
    try {
      this.#options.onError(error);
    } catch (cause) {
      console.error(cause);
    }
  }

  #id() {
    return String(this.#nextID++);
  }
}
