// A connection over WebSocket, for as long as one lasts.

import { subprotocols } from "./client-tokens.js";
import { groups } from "./client-topics.js";

/** The gateway's limit of topics a message is twice that. */
const TOPICS_A_MESSAGE = 500;
/** How long a gateway may take to answer a ping after the network has come back, milliseconds. */
const NEW_NETWORK_ANSWER = 5_000;

/**
 * What a session tells its owner.
 * @typedef {object} SessionEvents
 * @property {(message: object) => void} opened
 * @property {(message: object) => void} message
 * @property {(end: {code: number, reason: string, error?: Error, hasTimedOut?: boolean, retryAfterMilliseconds?: number}) => void} closed
 * @property {() => string} id a new request's
 */

export class WebSocketSession {
  transport = "websocket";
  #socket;
  #on;
  #pingInterval;
  #heartbeat;
  #timer;
  #isOpen = false;
  #retryAfterMilliseconds;

  /**
   * @param {{WebSocket: typeof WebSocket, url: URL, token?: string, connectTimeout: number, pingInterval: number}} settings
   * @param {SessionEvents} on
   */
  constructor({ WebSocket: Socket, url, token, connectTimeout, pingInterval }, on) {
    this.#on = on;
    this.#pingInterval = pingInterval;
    const address = new URL(url);
    const protocols = token === undefined ? "sluice.v1" : subprotocols(token) ?? "sluice.v1";
    if (token !== undefined && protocols === "sluice.v1") address.searchParams.set("token", token);
    const socket = new Socket(address, protocols);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#end({ code: 1006, reason: "no connection in time", hasTimedOut: true }), connectTimeout);
    socket.onmessage = ({ data }) => this.#receive(data);
    // An error that nobody listens to ends a process of Node. A close follows in the same turn, but not in Node 20's own WebSocket, where no
    // connection came about.
    socket.onerror = () => {
      if (!this.#isOpen) setTimeout(() => this.#isOpen || this.#end({ code: 1006, reason: "no connection" }), 0);
    };
    socket.onclose = ({ code, reason }) => this.#end({ code, reason, retryAfterMilliseconds: this.#retryAfterMilliseconds });
  }

  #receive(text) {
    if (!this.#socket) return;
    this.#heartbeat?.heard();
    if (typeof text !== "string") return;
    const message = JSON.parse(text);
    if (message.type === "connected" && !this.#isOpen) {
      this.#isOpen = true;
      clearTimeout(this.#timer);
      this.#heartbeat = new Heartbeat(
        this.#pingInterval,
        () => this.send({ action: "ping", id: this.#on.id() }),
        () => this.#end({ code: 1006, reason: "silence" }),
      );
      return this.#on.opened(message);
    }
    // 4429 follows on those who don't mind.
    if (message.code === "TooManyRequests") this.#retryAfterMilliseconds = message.retryAfterMilliseconds;
    this.#on.message(message);
  }

  /** @param {object} message */
  send(message) {
    this.#socket?.send(JSON.stringify(message));
  }

  /** Everything, on a connection that is new. @param {Topic[]} all */
  resume(all) {
    this.subscribe(all);
  }

  /** @param {Topic[]} entries */
  subscribe(entries) {
    for (const { entries: part, epoch } of groups(entries, { topics: TOPICS_A_MESSAGE })) {
      const id = this.#on.id();
      const after = part.map((entry) => [entry.name, entry.position().last]).filter(([, last]) => last !== undefined);
      for (const entry of part) entry.ask(id);
      this.send({
        action: "subscribe",
        id,
        topics: part.map((entry) => entry.name),
        after: after.length > 0 ? Object.fromEntries(after) : undefined,
        epoch: after.length > 0 ? epoch : undefined,
      });
    }
  }

  /** @param {string} name */
  unsubscribe(name) {
    this.send({ action: "unsubscribe", id: this.#on.id(), topics: [name] });
  }

  /** @param {{id: string, message: object}[]} requests */
  publish(requests) {
    for (const { id, message } of requests) this.send({ action: "publish", id, ...message });
  }

  /** Whether the gateway is still there. @param {boolean} isNewNetwork then the answer has less time: the connection is likely dead */
  ask(isNewNetwork) {
    const heartbeat = this.#heartbeat;
    heartbeat?.ask();
    if (!heartbeat || !isNewNetwork) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => heartbeat.isWaiting && this.#end({ code: 1006, reason: "silence" }), NEW_NETWORK_ANSWER);
  }

  close(code) {
    const socket = this.#socket;
    this.#quiet();
    if (socket && socket.readyState < 2) socket.close(code);
  }

  #end(end) {
    if (!this.#socket) return;
    this.close();
    this.#on.closed(end);
  }

  #quiet() {
    clearTimeout(this.#timer);
    this.#heartbeat?.stop();
    this.#heartbeat = undefined;
    this.#socket = undefined;
  }
}

/** Whether the gateway still answers: dead is who leaves a ping without an answer, not who was silent while this page slept. */
export class Heartbeat {
  #interval;
  #ping;
  #timer;
  #heardAt = Date.now();
  #askedAt;
  #tickedAt = Date.now();

  /** @param {number} interval @param {() => void} ping @param {() => void} dead */
  constructor(interval, ping, dead) {
    this.#interval = interval;
    this.#ping = ping;
    this.#timer = setInterval(() => this.#tick(dead), interval / 2);
    // A connection alone doesn't keep a process of Node alive by its timer.
    this.#timer.unref?.();
  }

  /** Whether a ping isn't answered yet. */
  get isWaiting() {
    return this.#askedAt !== undefined;
  }

  /** @param {number} milliseconds */
  hasBeenSilent(milliseconds) {
    return Date.now() - this.#heardAt > milliseconds;
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
