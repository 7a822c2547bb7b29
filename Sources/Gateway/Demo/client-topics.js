// What the client knows of its topics: who hears what, from where on, and what is missing. No network.

import { SluiceError, backoff } from "./client-errors.js";

/** All that are subscribed to. */
export class Topics {
  /** @type {Map<string, Topic>} */ #entries = new Map();
  #settings;
  /** Those that are asked for again. */ #again = new Set();

  /**
   * @param {object} settings
   * @param {number} settings.maximumDelay
   * @param {(gap: object) => void} [settings.onGap] for listeners that have none of their own
   * @param {(error: SluiceError) => void} settings.fail
   */
  constructor(settings) {
    this.#settings = settings;
  }

  get all() {
    return [...this.#entries.values()];
  }

  /** The topic, which is new if nobody subscribes to it. @param {string} name @param {boolean} isClosed whether the client is */
  get(name, isClosed) {
    const entry = this.#entries.get(name) ?? new Topic(name, isClosed);
    if (!isClosed) this.#entries.set(name, entry);
    return entry;
  }

  /** One doesn't listen any more. @returns {boolean} whether nobody does */
  leave(entry, listener) {
    if (!entry.listeners.delete(listener) || entry.listeners.size > 0 || this.#entries.get(entry.name) !== entry) return false;
    this.#entries.delete(entry.name);
    entry.reject(new SluiceError("Unsubscribed", `The subscription to ${entry.name} was given up.`, { topic: entry.name }));
    return true;
  }

  /** @param {SluiceEvent} event */
  event(event) {
    this.#entries.get(event.topic)?.receive(event, this.#tell);
  }

  subscribed({ id, topics, epoch }) {
    for (const one of topics) {
      const entry = this.#entries.get(one.topic);
      if (entry?.request === id) entry.subscribed(one, epoch, this.#tell);
    }
  }

  /** Those that this request asks for. @param {string | undefined} id */
  askedBy(id) {
    return id === undefined ? [] : this.all.filter((entry) => entry.request === id);
  }

  /** Forgotten, so that a later subscribe asks anew. @param {Topic} entry @param {SluiceError} cause */
  refuse(entry, { code, message }) {
    const error = new SluiceError(code, message, { topic: entry.name });
    if (this.#entries.get(entry.name) === entry) this.#entries.delete(entry.name);
    entry.reject(error);
    this.#settings.fail(error);
  }

  /** Subscriptions that a new token doesn't allow any more. */
  taken({ topics, code = "Forbidden", message = "The subscription was ended." }) {
    for (const name of topics) {
      const entry = this.#entries.get(name);
      if (entry) this.refuse(entry, { code, message });
    }
  }

  /** The refusal passes: the same topics are asked for again, later each time. */
  askAgain(entries, id, minimum, ask) {
    const attempt = Math.max(0, ...entries.map((entry) => entry.refusals++));
    const timer = setTimeout(() => {
      this.#again.delete(timer);
      const waiting = entries.filter((entry) => entry.request === id && this.#entries.get(entry.name) === entry);
      if (waiting.length > 0) ask(waiting);
    }, backoff(attempt, minimum, Math.max(minimum, this.#settings.maximumDelay)));
    this.#again.add(timer);
  }

  /** The connection is gone, and with it what was asked. */
  quiet() {
    for (const timer of this.#again) clearTimeout(timer);
    this.#again.clear();
  }

  /** Tells a listener of an event or a gap; one that throws takes nothing from the others. */
  #tell = (listener, event, gap) => {
    try {
      if (event) listener.handler(event);
      else (listener.onGap ?? this.#settings.onGap)?.(gap);
    } catch (cause) {
      const { topic } = event ?? gap;
      this.#settings.fail(new SluiceError("HandlerFailed", `A handler of ${topic} threw: ${cause}`, { topic, cause }));
    }
  };
}

/** What the client knows of one topic. */
export class Topic {
  /** Those who hear it, each with the last sequence it has seen. @type {Set<Listener>} */ listeners = new Set();
  /** The subscribe that isn't answered yet. @type {string | undefined} */ request;
  /** Somebody wants it, or its history, who has not been asked for. */ isAsking = true;
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
    // One that wants history has the topic start over; the others don't hear again what they have heard.
    if (after !== undefined) this.isAsking = true;
    return listener;
  }

  /** It is asked for, with this request. @param {string} request */
  ask(request) {
    this.request = request;
    this.isAsking = false;
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
    if (this.request !== undefined || this.isAsking) return;
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

/**
 * Topics that can be asked for together: those of one epoch, so many at most, and so much text.
 * @param {Iterable<Topic>} entries @param {{topics: number, characters?: number}} limits
 * @returns {{entries: Topic[], epoch: string | undefined}[]}
 */
export function groups(entries, { topics, characters = Infinity }) {
  const all = [], open = new Map();
  const placed = [...entries].map((entry) => ({ entry, ...entry.position() }));
  // A topic without a position fits any epoch, and comes last for that.
  for (const { entry, last, epoch } of [...placed.filter(({ last }) => last !== undefined), ...placed.filter(({ last }) => last === undefined)]) {
    const key = last === undefined && open.size > 0 ? [...open.keys()].at(-1) : epoch;
    const length = encodeURIComponent(entry.name).length + 32;
    let group = open.get(key);
    if (!group || group.entries.length >= topics || group.length + length > characters) {
      group = { entries: [], epoch: key, length: 0 };
      open.set(key, group);
      all.push(group);
    }
    group.entries.push(entry);
    group.length += length;
  }
  return all;
}
