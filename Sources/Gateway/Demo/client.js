// A small client for Sluice: connect, subscribe, publish; it reconnects with back-off and resumes where it was.
//
//     import { connect } from "/client.js";
//     const sluice = connect("wss://example.org/ws", { token });
//     const orders = sluice.subscribe("orders/42", (event) => console.log(event.sequence, event.data));
//     await sluice.publish("orders/42", { total: 3 });
//
// It keeps the promise that the gateway gives: for each topic every event comes once, in order; after a reconnect what was missed comes first.
// Where the gateway's log has been trimmed too far back, or is another one by now, `onGap` is told instead of silence.

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
 * @property {boolean} [diverged] the gateway's log is another one from `from` on: what the handler was given from there on isn't in it, and what is comes next
 */

/**
 * @typedef {object} Options
 * @property {string | (() => string | Promise<string>)} [token] bearer token, or a function that gets a fresh one for each connect; only with a
 *   function does the client come back after its token has expired (4402); one that gives expired tokens is asked twice
 * @property {(state: State, detail: {code?: number, reason?: string, retryInMilliseconds?: number}) => void} [onState]
 * @property {(gap: Gap) => void} [onGap] for topics whose subscription has no `onGap` of its own
 * @property {(error: SluiceError) => void} [onError] errors that belong to no call: a refused token or topic, a handler that threw
 * @property {number} [minimumDelay] first wait before a reconnect, milliseconds; default 500
 * @property {number} [maximumDelay] longest wait, milliseconds, and the first one after 1011 and 4429; default 30000
 * @property {number} [requestTimeout] how long a publish may wait for its acknowledgement, milliseconds; default 15000
 * @property {number} [pingInterval] silence after which the client pings, milliseconds; default 20000
 * @property {typeof WebSocket} [WebSocket] another implementation, where there is no global one (Node before 22)
 */

/** @typedef {"connecting" | "open" | "waiting" | "closed"} State */

/**
 * @typedef {object} Subscription
 * @property {string} topic
 * @property {number | undefined} sequence the last sequence that the handler has seen
 * @property {string | undefined} epoch the epoch of the log that the sequence is of: keep both together, and give both as `after` and `epoch`
 * @property {Promise<void>} ready resolves at the first `subscribed`: every event published from then on comes; rejects when the topic is refused
 * @property {() => void} unsubscribe
 */

/** What the gateway refused, with its code (docs/protocol.md), or what became of the connection. */
export class SluiceError extends Error {
  /** @param {string} code @param {string} message @param {{topic?: string, cause?: unknown}} [detail] */
  constructor(code, message, { topic, cause } = {}) {
    super(message, { cause });
    this.name = "SluiceError";
    this.code = code;
    this.topic = topic;
  }
}

/** What the gateway's refusals are called, by their close codes. */
const REFUSALS = new Map([[4401, "Unauthorized"], [4402, "TokenExpired"], [4403, "Forbidden"], [4429, "TooMany"]]);

/** Refusals that pass by themselves, as far as a message doesn't say so with `retryAfter`. */
const PASSING = new Set(["InternalError", "StorageFailed"]);

/** What brings people and networks back. */
const WAKING = ["online", "focus", "pageshow", "visibilitychange"];

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
  #heartbeat;
  /** The last connect's token, though just fetched, had expired. */ #wasStale = false;
  /** Subscribes that are asked again. */ #asking = new Set();
  #wake = () => this.#awake();

  /** @param {string} url @param {Options} options */
  constructor(url, options) {
    this.#url = url;
    this.#options = { minimumDelay: 500, maximumDelay: 30_000, requestTimeout: 15_000, pingInterval: 20_000, ...options };
    for (const event of WAKING) globalThis.addEventListener?.(event, this.#wake);
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
   * @param {{after?: number, epoch?: string, onGap?: (gap: Gap) => void}} [options] `after`: the history after that sequence first (0: all of it);
   *   `epoch`: of the log that the sequence is of, as the subscription had it
   * @returns {Subscription}
   */
  subscribe(topic, handler, { after, epoch, onGap } = {}) {
    const entry = this.#topics.get(topic) ?? new Topic(topic, this.#state === "closed");
    const isNew = !this.#topics.has(topic);
    const listener = entry.add(handler, onGap, after, epoch);
    if (this.#state !== "closed") this.#topics.set(topic, entry);
    // One that wants history has the topic start over; the others don't hear again what they have heard.
    if (this.#state === "open" && (isNew || after !== undefined)) this.#subscribe([entry]);
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
        if (!entry.listeners.delete(listener) || entry.listeners.size > 0 || this.#topics.get(topic) !== entry) return;
        this.#topics.delete(topic);
        entry.reject(new SluiceError("Unsubscribed", `The subscription to ${topic} was given up.`, { topic }));
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
    if (!Socket) {
      this.#fail(new SluiceError("NoWebSocket", "There is no WebSocket here: give one as the option WebSocket, such as that of the package ws."));
      return this.#end(1006, "no WebSocket");
    }
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
      if (this.#state !== "connecting") return;
      this.#fail(new SluiceError("ConnectFailed", String(error), { cause: error }));
      return this.#retry(1006, String(error));
    }
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) this.#receive(data);
    };
    // An error that nobody listens to ends a process of Node. A close follows in the same turn, but not in Node 20's own WebSocket, where no
    // connection came about.
    socket.onerror = () => {
      if (this.#state !== "connecting") return;
      setTimeout(() => {
        if (socket === this.#socket && this.#state === "connecting") this.#closed(1006, "no connection");
      }, 0);
    };
    socket.onclose = ({ code, reason }) => {
      if (socket === this.#socket) this.#closed(code, reason);
    };
  }

  #receive(text) {
    this.#heartbeat?.heard();
    if (typeof text !== "string") return;
    const message = JSON.parse(text);
    switch (message.type) {
      case "event":
        return this.#topics.get(message.topic)?.receive(message, this.#tell);
      case "connected":
        return this.#connected(message);
      case "subscribed":
        for (const one of message.topics) {
          const entry = this.#topics.get(one.topic);
          if (entry?.request === message.id) entry.subscribed(one, message.epoch, this.#tell);
        }
        return;
      case "published":
        return this.#settle(message.id)?.resolve({ sequence: message.sequence });
      case "error":
        return this.#refused(message);
    }
  }

  #refused({ id, code, message, retryAfter }) {
    const request = this.#settle(id);
    if (request) return request.reject(new SluiceError(code, message));
    const entries = [...this.#topics.values()].filter((entry) => id !== undefined && entry.request === id);
    if (retryAfter !== undefined || PASSING.has(code)) return this.#askAgain(entries, id, (retryAfter ?? 1) * 1_000);
    if (entries.length > 1) {
      // All of them or none are subscribed: halves find the one that isn't allowed, and spare the others.
      const middle = entries.length >> 1;
      this.#subscribe(entries.slice(0, middle));
      return this.#subscribe(entries.slice(middle));
    }
    const error = new SluiceError(code, message, { topic: entries[0]?.name });
    // Forgotten, so that a later subscribe asks anew.
    if (entries[0]) this.#topics.delete(entries[0].name);
    entries[0]?.reject(error);
    this.#fail(error);
  }

  /** The refusal passes: the same topics are asked for again, later each time. */
  #askAgain(entries, id, minimum) {
    const attempt = Math.max(0, ...entries.map((entry) => entry.refusals++));
    const timer = setTimeout(() => {
      this.#asking.delete(timer);
      const waiting = entries.filter((entry) => entry.request === id && this.#topics.get(entry.name) === entry);
      if (this.#state === "open" && waiting.length > 0) this.#subscribe(waiting);
    }, backoff(attempt, minimum, Math.max(minimum, this.#options.maximumDelay)));
    this.#asking.add(timer);
  }

  #connected(message) {
    this.connectionId = message.connectionId;
    this.#attempt = 0;
    this.#wasStale = false;
    this.#become("open");
    if (this.#topics.size > 0) this.#subscribe([...this.#topics.values()]);
    for (const request of this.#requests.values()) if (request.text) this.#sendRequest(request);
    this.#heartbeat = new Heartbeat(
      this.#options.pingInterval,
      () => this.#send({ action: "ping", id: this.#id() }),
      () => this.#closed(1006, "silence"),
    );
  }

  /** @param {Topic[]} entries */
  #subscribe(entries) {
    const byEpoch = new Map();
    for (const entry of entries) {
      const { epoch } = entry.position();
      byEpoch.set(epoch, [...(byEpoch.get(epoch) ?? []), entry]);
    }
    for (const [epoch, all] of byEpoch) {
      // One message for all of them, up to the gateway's limit of topics a message.
      for (let start = 0; start < all.length; start += 500) {
        const part = all.slice(start, start + 500);
        const id = this.#id();
        const after = part.map((entry) => [entry.name, entry.position().last]).filter(([, last]) => last !== undefined);
        for (const entry of part) entry.request = id;
        this.#send({
          action: "subscribe",
          id,
          topics: part.map((entry) => entry.name),
          after: after.length > 0 ? Object.fromEntries(after) : undefined,
          epoch: after.length > 0 ? epoch : undefined,
        });
      }
    }
  }

  #closed(code, reason) {
    if (this.#state === "closed") return;
    const wasOpen = this.#state === "open";
    this.#drop();
    // What was sent and not acknowledged may have been stored: sending it again could store it twice.
    for (const [id, request] of this.#requests) {
      if (request.text) continue;
      this.#settle(id)?.reject(new SluiceError("ConnectionLost", "The connection was lost before the acknowledgement came."));
    }
    // A new token mends an old one's end. One that had expired as it was fetched may have been kept somewhere too long; two in a row are refused.
    const getsTokens = typeof this.#options.token === "function" && (wasOpen || !this.#wasStale);
    this.#wasStale = code === 4402 && !wasOpen;
    // A page can't see the answer to a refused connect: the gateway says it with the close.
    const refusal = code === 4402 && getsTokens ? undefined : REFUSALS.get(code);
    if (refusal) this.#fail(new SluiceError(refusal, reason));
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

  /** Somebody looks at the page again, or the network is back. */
  #awake() {
    if (globalThis.document?.visibilityState === "hidden") return;
    if (this.#state === "open") return this.#heartbeat?.ask();
    if (this.#state !== "waiting") return;
    clearTimeout(this.#timer);
    this.#open();
  }

  #end(code, reason) {
    if (this.#state === "closed") return;
    clearTimeout(this.#timer);
    this.#quiet();
    for (const event of WAKING) globalThis.removeEventListener?.(event, this.#wake);
    this.#become("closed", { code, reason });
    const error = new SluiceError("ConnectionClosed", `The connection is closed (${code} ${reason}).`);
    for (const id of [...this.#requests.keys()]) this.#settle(id)?.reject(error);
    for (const entry of this.#topics.values()) entry.reject(error);
  }

  #drop() {
    this.#quiet();
    this.connectionId = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket && socket.readyState < 2) socket.close();
  }

  #quiet() {
    this.#heartbeat?.stop();
    this.#heartbeat = undefined;
    for (const timer of this.#asking) clearTimeout(timer);
    this.#asking.clear();
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

  /** Tells a listener of an event or a gap; one that throws takes nothing from the others. */
  #tell = (listener, event, gap) => {
    try {
      if (event) listener.handler(event);
      else (listener.onGap ?? this.#options.onGap)?.(gap);
    } catch (cause) {
      const topic = (event ?? gap).topic;
      this.#fail(new SluiceError("HandlerFailed", `A handler of ${topic} threw: ${cause}`, { topic, cause }));
    }
  };

  #fail(error) {
    if (this.#options.onError) this.#options.onError(error);
    else console.error(error);
  }

  #become(state, detail = {}) {
    this.#state = state;
    this.#options.onState?.(state, detail);
  }

  #id() {
    return String(this.#nextID++);
  }
}

/** Whether the gateway still answers: dead is who leaves a ping without an answer, not who was silent while this page slept. */
class Heartbeat {
  #interval;
  #ping;
  #timer;
  #heardAt = Date.now();
  #askedAt;
  #tickedAt = Date.now();

  constructor(interval, ping, dead) {
    this.#interval = interval;
    this.#ping = ping;
    this.#timer = setInterval(() => this.#tick(dead), interval / 2);
    // A connection alone doesn't keep a process of Node alive by its timer.
    this.#timer.unref?.();
  }

  heard() {
    this.#heardAt = Date.now();
    this.#askedAt = undefined;
  }

  ask() {
    this.#askedAt ??= Date.now();
    this.#ping();
  }

  stop() {
    clearInterval(this.#timer);
  }

  #tick(dead) {
    const now = Date.now();
    // Timers that come late were asleep, and with them the answer: it has its time from now on.
    if (now - this.#tickedAt > 2 * this.#interval && this.#askedAt !== undefined) this.#askedAt = now;
    this.#tickedAt = now;
    if (this.#askedAt !== undefined) {
      if (now - this.#askedAt > this.#interval + 5_000) dead();
    } else if (now - this.#heardAt >= this.#interval) this.ask();
  }
}

/** What the client knows of one topic. */
class Topic {
  /** Those who hear it, each with the last sequence it has seen. @type {Set<Listener>} */ listeners = new Set();
  /** The subscribe that isn't answered yet. @type {string | undefined} */ request;
  /** Passing refusals in a row. */ refusals = 0;
  #newest;
  #epoch;

  /** @param {string} name @param {boolean} isClosed whether its client is */
  constructor(name, isClosed) {
    this.name = name;
    this.ready = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    // Nobody has to wait for it.
    this.ready.catch(() => {});
    if (isClosed) this.reject(new SluiceError("ConnectionClosed", "The connection is closed.", { topic: name }));
  }

  add(handler, onGap, after, epoch) {
    const listener = { handler, onGap, last: after ?? this.#newest, epoch: after === undefined ? this.#epoch : epoch };
    this.listeners.add(listener);
    return listener;
  }

  /** From where on events are needed: the least that a listener has. */
  position() {
    let least = { last: undefined, epoch: undefined };
    for (const { last, epoch } of this.listeners) if (last !== undefined && !(least.last <= last)) least = { last, epoch };
    return least;
  }

  /** The gateway's answer to a subscribe: where the topic stands, or what can't be brought back. */
  subscribed({ sequence, gap, diverged }, epoch, tell) {
    this.request = undefined;
    this.refusals = 0;
    this.#epoch = epoch;
    for (const listener of [...this.listeners]) {
      if (diverged && listener.last >= diverged.from) {
        listener.last = diverged.from - 1;
        tell(listener, undefined, { topic: this.name, from: diverged.from, to: diverged.from, diverged: true });
      } else if (listener.last > sequence) {
        // Of another log, nobody knows from where on.
        listener.last = sequence;
        tell(listener, undefined, { topic: this.name, from: 1, to: sequence + 1 });
      }
      if (gap && listener.last < gap.to - 1) {
        const from = Math.max(gap.from, listener.last + 1);
        // What is left of the history comes next; its first event follows the gap.
        listener.last = gap.to - 1;
        tell(listener, undefined, { topic: this.name, from, to: gap.to });
      }
      listener.last ??= sequence;
      listener.epoch = epoch;
    }
    this.#newest = sequence;
    this.resolve();
  }

  /** @param {SluiceEvent} event */
  receive(event, tell) {
    // What comes before the answer is of an earlier subscription to the topic.
    if (this.request !== undefined) return;
    this.#newest = Math.max(this.#newest, event.sequence);
    for (const listener of [...this.listeners]) {
      if (event.sequence <= listener.last) continue;
      // The chain: an event names its topic's one before. If the listener hasn't seen that, something is missing.
      const missing = event.previous > listener.last && { topic: this.name, from: listener.last + 1, to: event.previous + 1 };
      listener.last = event.sequence;
      if (missing) tell(listener, undefined, missing);
      tell(listener, event);
    }
  }
}
