// A small client for Sluice: connect, subscribe, publish; it reconnects with back-off and resumes where it was.
//
//     import { connect } from "/client.js";
//     const sluice = connect("wss://example.org/ws", { token });
//     const orders = sluice.subscribe("orders/42", (event) => console.log(event.sequence, event.data));
//     await sluice.publish("orders/42", { total: 3 });
//
// It keeps the promise that the gateway gives: for each topic every event comes once, in order; after a reconnect what was missed comes first.
// Where the gateway's log has been trimmed too far back, `onGap` is told instead of silence.

/**
 * @typedef {object} SluiceEvent
 * @property {string} topic
 * @property {number} sequence position in the change log, strictly increasing
 * @property {number} previous sequence of the topic's event before this one; 0 for its first
 * @property {string} contentType
 * @property {"base64"} [encoding] present when `data` is base64 of binary content
 * @property {string} [operation] INSERT, MODIFY or REMOVE, when the event is the change of a table's item
 * @property {string} [table]
 * @property {string} [key]
 * @property {*} data
 */

/**
 * @typedef {object} Gap
 * @property {string} topic
 * @property {number} from first sequence that may be missing
 * @property {number} to first sequence that is there again
 */

/**
 * @typedef {object} Options
 * @property {string | (() => string | Promise<string>)} [token] bearer token, or a function that gets a fresh one for each connect; only with a
 *   function does the client come back after its token has expired (4402)
 * @property {(state: State, detail: {code?: number, reason?: string, retryInMilliseconds?: number}) => void} [onState]
 * @property {(gap: Gap) => void} [onGap] for topics whose subscription has no `onGap` of its own
 * @property {(error: SluiceError) => void} [onError] errors that belong to no call
 * @property {number} [minimumDelay] first wait before a reconnect, milliseconds; default 500
 * @property {number} [maximumDelay] longest wait, milliseconds, and the first one after 1011 and 4429; default 30000
 * @property {number} [requestTimeout] how long a publish may wait for its acknowledgement, milliseconds; default 15000
 * @property {number} [pingInterval] silence after which the client pings, milliseconds; default 20000
 * @property {typeof WebSocket} [WebSocket] another implementation
 */

/** @typedef {"connecting" | "open" | "waiting" | "closed"} State */

/**
 * @typedef {object} Subscription
 * @property {string} topic
 * @property {number | undefined} sequence the last sequence that the handler has seen
 * @property {Promise<void>} ready resolves at the first `subscribed`: every event published from then on comes
 * @property {() => void} unsubscribe
 */

/** What the gateway refused, with its code (docs/protocol.md), or what became of the connection. */
export class SluiceError extends Error {
  /** @param {string} code @param {string} message */
  constructor(code, message) {
    super(message);
    this.name = "SluiceError";
    this.code = code;
  }
}

/** What the gateway's refusals are called, by their close codes. */
const REFUSALS = new Map([[4401, "Unauthorized"], [4402, "TokenExpired"], [4403, "Forbidden"], [4429, "TooMany"]]);

/**
 * Whether to connect again after a close with this code: after 1001, 1011, 1012, 1013, 4000–4099, and whatever the network did (1006), after
 * 4402 with a new token, and after 4429, late; not when the gateway refuses this client (4401, 4403) until something has been changed.
 * @param {number} code @param {boolean} [getsTokens] whether each connect gets a fresh token
 */
export function reconnectsAfter(code, getsTokens = false) {
  if (code === 4402) return getsTokens;
  if (code === 4429) return true;
  if (code === 1001 || code === 1005 || code === 1006 || code === 1011 || code === 1012 || code === 1013) return true;
  return code >= 4000 && code <= 4099;
}

/**
 * How long to wait before the given attempt (0 is the first): exponential, half of it random, so that clients don't come back all at once.
 * @param {number} attempt @param {number} minimum @param {number} maximum @param {() => number} [random]
 */
export function backoff(attempt, minimum, maximum, random = Math.random) {
  const full = Math.min(maximum, minimum * 2 ** Math.min(attempt, 30));
  return full / 2 + random() * (full / 2);
}

/**
 * Opens a connection that stays open.
 * @param {string} url of the gateway's `/ws`
 * @param {Options} [options]
 * @returns {Client}
 */
export function connect(url, options = {}) {
  return new Client(url, options);
}

/** One connection to a gateway, made by {@link connect}. */
export class Client {
  #url;
  #options;
  /** @type {WebSocket | undefined} */ #socket;
  /** @type {State} */ #state = "connecting";
  /** @type {Map<string, Topic>} */ #topics = new Map();
  /** @type {Map<string, {resolve: Function, reject: Function, timer?: any, text?: string}>} */ #requests = new Map();
  #nextID = 1;
  #attempt = 0;
  #timer;
  #lastHeard = 0;
  #pinger;
  #wake = () => this.#reconnectNow();

  /** @param {string} url @param {Options} options */
  constructor(url, options) {
    this.#url = url;
    this.#options = { minimumDelay: 500, maximumDelay: 30_000, requestTimeout: 15_000, pingInterval: 20_000, ...options };
    globalThis.addEventListener?.("online", this.#wake);
    this.#open();
  }

  /** The connection's id while it is open. @type {string | undefined} */
  connectionId;

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /**
   * Calls `handler` for each event of a topic, now and after every reconnect.
   * @param {string} topic
   * @param {(event: SluiceEvent) => void} handler
   * @param {{after?: number, onGap?: (gap: Gap) => void}} [options] `after`: the history after that sequence first (0: all of it)
   * @returns {Subscription}
   */
  subscribe(topic, handler, { after, onGap } = {}) {
    const known = this.#topics.get(topic);
    const entry = known ?? new Topic(topic, after);
    const listener = { handler, onGap };
    entry.listeners.add(listener);
    if (!known) {
      this.#topics.set(topic, entry);
      if (this.#state === "open") this.#subscribe([entry]);
    }
    return {
      topic,
      get sequence() {
        return entry.last;
      },
      ready: entry.ready,
      unsubscribe: () => {
        if (!entry.listeners.delete(listener) || entry.listeners.size > 0 || this.#topics.get(topic) !== entry) return;
        this.#topics.delete(topic);
        this.#send({ action: "unsubscribe", id: this.#id(), topics: [topic] });
      },
    };
  }

  /**
   * Publishes and waits until the record is committed. While the connection is down the call waits for it; a call whose acknowledgement is lost
   * with the connection is rejected with the code `ConnectionLost`, for it may or may not have been stored.
   * @param {string} topic
   * @param {*} data any JSON value
   * @param {{contentType?: string, encoding?: "base64"}} [options] for content that isn't JSON: `data` is then a string
   * @returns {Promise<{sequence: number}>}
   */
  publish(topic, data, { contentType, encoding } = {}) {
    const id = this.#id();
    const text = JSON.stringify({ action: "publish", id, topic, contentType, encoding, data });
    return new Promise((resolve, reject) => {
      if (this.#state === "closed") return reject(new SluiceError("ConnectionClosed", "The connection is closed."));
      const timer = setTimeout(() => {
        if (this.#requests.delete(id)) reject(new SluiceError("Timeout", `No acknowledgement within ${this.#options.requestTimeout} ms.`));
      }, this.#options.requestTimeout);
      const request = { resolve, reject, timer, text };
      this.#requests.set(id, request);
      if (this.#state === "open") this.#sendRequest(request);
    });
  }

  /** Closes the connection for good. */
  close() {
    this.#end(1000, "");
    this.#socket?.close(1000);
  }

  async #open() {
    this.#become("connecting");
    const Socket = this.#options.WebSocket ?? globalThis.WebSocket;
    let socket;
    try {
      const { token } = this.#options;
      const value = typeof token === "function" ? await token() : token;
      if (this.#state !== "connecting") return;
      const url = new URL(this.#url, globalThis.location?.href);
      if (url.protocol.startsWith("http")) url.protocol = url.protocol.replace("http", "ws");
      if (value) url.searchParams.set("token", value);
      socket = new Socket(url, "sluice.v1");
    } catch (error) {
      this.#options.onError?.(new SluiceError("ConnectFailed", String(error)));
      return this.#retry(1006, String(error));
    }
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) this.#receive(data);
    };
    socket.onclose = ({ code, reason }) => {
      if (socket === this.#socket) this.#closed(code, reason);
    };
  }

  #receive(text) {
    this.#lastHeard = Date.now();
    if (typeof text !== "string") return;
    const message = JSON.parse(text);
    switch (message.type) {
      case "event":
        return this.#topics.get(message.topic)?.receive(message, (gap) => this.#gap(gap));
      case "connected":
        return this.#connected(message);
      case "subscribed":
        for (const one of message.topics) {
          const entry = this.#topics.get(one.topic);
          if (entry?.request === message.id) entry.subscribed(one, (gap) => this.#gap(gap));
        }
        return;
      case "published":
        return this.#settle(message.id)?.resolve({ sequence: message.sequence });
      case "error": {
        const error = new SluiceError(message.code, message.message);
        const request = this.#settle(message.id);
        if (request) return request.reject(error);
        const refused = [...this.#topics.values()].filter((entry) => message.id !== undefined && entry.request === message.id);
        if (refused.length > 1) {
          // All of them or none are subscribed: halves find the one that isn't allowed, and spare the others.
          const middle = refused.length >> 1;
          this.#subscribe(refused.slice(0, middle));
          return this.#subscribe(refused.slice(middle));
        }
        refused[0]?.refused(error);
        return this.#options.onError?.(error);
      }
    }
  }

  #connected(message) {
    this.connectionId = message.connectionId;
    this.#attempt = 0;
    this.#become("open");
    if (this.#topics.size > 0) this.#subscribe([...this.#topics.values()]);
    for (const request of this.#requests.values()) if (request.text) this.#sendRequest(request);
    this.#pinger = setInterval(() => {
      const silence = Date.now() - this.#lastHeard;
      // Twice the interval without a word, pongs included: the connection is dead though nobody has said so.
      if (silence > 2 * this.#options.pingInterval + 5_000) this.#closed(1006, "silence");
      else if (silence > this.#options.pingInterval) this.#send({ action: "ping", id: this.#id() });
    }, this.#options.pingInterval / 2);
  }

  /** @param {Topic[]} entries */
  #subscribe(entries) {
    // One message for all of them, up to the gateway's limit of topics a message.
    for (let start = 0; start < entries.length; start += 500) {
      const part = entries.slice(start, start + 500);
      const after = Object.fromEntries(part.filter((entry) => entry.last !== undefined).map((entry) => [entry.name, entry.last]));
      const id = this.#id();
      for (const entry of part) entry.request = id;
      this.#send({
        action: "subscribe",
        id,
        topics: part.map((entry) => entry.name),
        after: Object.keys(after).length > 0 ? after : undefined,
      });
    }
  }

  #closed(code, reason) {
    if (this.#state === "closed") return;
    this.#drop();
    // What was sent and not acknowledged may have been stored: sending it again could store it twice.
    for (const [id, request] of this.#requests) {
      if (request.text) continue;
      this.#settle(id)?.reject(new SluiceError("ConnectionLost", "The connection was lost before the acknowledgement came."));
    }
    const getsTokens = typeof this.#options.token === "function";
    // A page can't see the answer to a refused connect: the gateway says it with the close. A new token mends an old one's end.
    const refusal = code === 4402 && getsTokens ? undefined : REFUSALS.get(code);
    if (refusal) this.#options.onError?.(new SluiceError(refusal, reason));
    if (reconnectsAfter(code, getsTokens)) this.#retry(code, reason);
    else this.#end(code, reason);
  }

  #retry(code, reason) {
    // A gateway that has failed (1011), or that has had too much of us (4429), isn't helped by clients that come back at once.
    if (code === 1011 || code === 4429) this.#attempt = 30;
    const delay = backoff(this.#attempt++, this.#options.minimumDelay, this.#options.maximumDelay);
    this.#become("waiting", { code, reason, retryInMilliseconds: Math.round(delay) });
    this.#timer = setTimeout(() => this.#open(), delay);
  }

  #reconnectNow() {
    if (this.#state !== "waiting") return;
    clearTimeout(this.#timer);
    this.#open();
  }

  #end(code, reason) {
    if (this.#state === "closed") return;
    clearTimeout(this.#timer);
    clearInterval(this.#pinger);
    globalThis.removeEventListener?.("online", this.#wake);
    this.#become("closed", { code, reason });
    const error = new SluiceError("ConnectionClosed", `The connection is closed (${code} ${reason}).`);
    for (const id of [...this.#requests.keys()]) this.#settle(id)?.reject(error);
    for (const entry of this.#topics.values()) entry.refused(error);
  }

  #drop() {
    clearInterval(this.#pinger);
    this.connectionId = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket && socket.readyState < 2) socket.close();
  }

  #sendRequest(request) {
    this.#socket?.send(request.text);
    request.text = undefined;
  }

  #send(message) {
    if (this.#state === "open") this.#socket?.send(JSON.stringify(message));
  }

  #settle(id) {
    const request = this.#requests.get(id);
    if (request) clearTimeout(request.timer);
    this.#requests.delete(id);
    return request;
  }

  #gap(gap) {
    const entry = this.#topics.get(gap.topic);
    const own = [...(entry?.listeners ?? [])].filter((listener) => listener.onGap);
    for (const listener of own) listener.onGap(gap);
    if (own.length === 0) this.#options.onGap?.(gap);
  }

  #become(state, detail = {}) {
    this.#state = state;
    this.#options.onState?.(state, detail);
  }

  #id() {
    return String(this.#nextID++);
  }
}

/** What the client knows of one topic. */
class Topic {
  /** @type {Set<{handler: (event: SluiceEvent) => void, onGap?: (gap: Gap) => void}>} */
  listeners = new Set();
  /** The subscribe that isn't answered yet. @type {string | undefined} */ request;

  /** @param {string} name @param {number | undefined} last */
  constructor(name, last) {
    this.name = name;
    this.last = last;
    this.ready = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Nobody has to wait for it.
    this.ready.catch(() => {});
  }

  /** The gateway's answer to a subscribe: where the topic stands, or what can't be brought back. */
  subscribed({ sequence, gap, recovered }, onGap) {
    this.request = undefined;
    if (this.last !== undefined && sequence < this.last) {
      // The gateway has a younger log than the one that we saw: nothing of ours is in it, and its numbers begin anew.
      onGap({ topic: this.name, from: 1, to: sequence + 1 });
      this.last = sequence;
    } else if (gap) {
      onGap({ topic: this.name, from: gap.from, to: gap.to });
      // What is left of the history comes next; its first event follows the gap.
      this.last = Math.max(this.last ?? 0, gap.to - 1);
    } else if (!recovered && this.last === undefined) {
      this.last = sequence;
    }
    this.resolve();
  }

  refused(error) {
    this.reject(error);
  }

  /** @param {SluiceEvent} event @param {(gap: Gap) => void} onGap */
  receive(event, onGap) {
    // What comes before the answer is of an earlier subscription to the topic.
    if (this.request !== undefined) return;
    if (this.last !== undefined && event.sequence <= this.last) return;
    // The chain: an event names its topic's one before. If we haven't seen that, something is missing.
    if (this.last !== undefined && event.previous > this.last) onGap({ topic: this.name, from: this.last + 1, to: event.previous + 1 });
    this.last = event.sequence;
    for (const { handler } of [...this.listeners]) handler(event);
  }
}
