// A connection over server-sent events: streams by fetch, of which the client knows status, refusal and position, and publishes by POST.

import { SluiceError, errorOfAnswer, isOfTopics } from "./client-errors.js";
import { EventStream } from "./client-event-stream.js";
import { groups } from "./client-topics.js";
import { Heartbeat } from "./client-websocket.js";

/** A browser has six connections for a host over HTTP/1.1, and one is for publishing. */
const STREAMS = 4;
/** The gateway takes 100 topics a stream; what it asks for stands in its address, and proxies take 8 KiB of that. */
const LIMITS = { topics: 100, characters: 6_000 };
/** So long a gateway may be silent, milliseconds: it sends a comment every 20 s. */
const SILENCE = 30_000;

/** @typedef {{controller: AbortController, entries: Topic[], id: string, reader?: ReadableStreamDefaultReader, retry?: number}} Stream */

export class SSESession {
  transport = "sse";
  #settings;
  #on;
  /** @type {Set<Stream>} */ #streams = new Set();
  /** What is asked for has changed. */ #changed;
  #isOpen = false;
  #isEnded = false;
  #heartbeat;
  #timer;
  /** How often the set of streams was made: what an earlier one brings is no longer heard. */ #turn = 0;
  #controller = new AbortController();

  /**
   * @param {object} settings
   * @param {typeof fetch} settings.fetch
   * @param {import("./client-address.js").Addresses} settings.addresses
   * @param {import("./client-tokens.js").Tokens} settings.tokens
   * @param {RequestCredentials} settings.credentials
   * @param {number} settings.connectTimeout
   * @param {() => Topic[]} settings.topics all that are subscribed to
   * @param {(topic: Topic, error: SluiceError) => void} settings.refused
   * @param {import("./client-websocket.js").SessionEvents} on
   */
  constructor(settings, on) {
    this.#settings = settings;
    this.#on = on;
    this.#timer = setTimeout(() => this.#end({ code: 1006, reason: "no connection in time", hasTimedOut: true }), settings.connectTimeout);
    this.#start(settings.topics());
  }

  /** Everything, on a connection that is new: what came up since it was begun. */
  resume() {
    if (this.#settings.topics().some(({ isAsking }) => isAsking)) this.#change();
  }

  subscribe() {
    this.#change();
  }

  unsubscribe() {
    this.#change();
  }

  /** The streams anew, each topic from where it is. */
  reopen() {
    this.#start(this.#settings.topics());
  }

  /** After a sleep of the page the connection may be dead, and nobody can be asked. @param {boolean} isNewNetwork */
  ask(isNewNetwork) {
    if (isNewNetwork || this.#heartbeat?.hasBeenSilent(SILENCE)) this.reopen();
  }

  /** @param {object[]} records */
  async post(records) {
    const { addresses, fetch, tokens, credentials, requestTimeout } = this.#settings;
    return await within(requestTimeout, this.#controller.signal, (signal) => fetch(addresses.topics, {
      method: "POST", credentials, signal, body: JSON.stringify({ records }),
      headers: { "Content-Type": "application/json", ...authorization(tokens.current) },
    }));
  }

  close() {
    this.#isEnded = true;
    this.#turn += 1;
    clearTimeout(this.#timer);
    clearTimeout(this.#changed);
    this.#heartbeat?.stop();
    this.#abort();
    this.#controller.abort();
  }

  #abort() {
    for (const { controller, reader } of this.#streams) {
      controller.abort();
      // In Node 18 a signal may be forgotten.
      reader?.cancel().catch(() => {});
    }
    this.#streams.clear();
  }

  /** What is subscribed to in one turn is asked for together. */
  #change() {
    this.#changed ??= setTimeout(() => {
      this.#changed = undefined;
      this.reopen();
    }, 0);
  }

  /** @param {Topic[]} entries */
  #start(entries) {
    this.#abort();
    const turn = ++this.#turn;
    this.#heartbeat?.heard();
    const parts = groups(entries, LIMITS);
    for (const { entries: left } of parts.splice(STREAMS)) {
      for (const entry of left) {
        entry.ask(this.#on.id());
        const error = new SluiceError("TooManySubscriptions", "Server-sent events can't hold so many topics, or not names so long together.");
        this.#settings.refused(entry, error);
      }
    }
    let missing = parts.length;
    const opened = () => {
      missing -= 1;
      if (missing <= 0 && turn === this.#turn) this.#opened();
    };
    if (parts.length === 0 && !this.#isOpen) return void this.#probe(opened, turn);
    for (const part of parts) this.#run(part, turn, opened);
  }

  /** Without a topic there is no stream to see a connection by. */
  async #probe(opened, turn) {
    const works = await probe(this.#settings);
    if (turn !== this.#turn) return;
    if (works) opened();
    else this.#end({ code: 1006, reason: "no connection" });
  }

  #opened() {
    if (this.#isOpen || this.#isEnded) return;
    this.#isOpen = true;
    clearTimeout(this.#timer);
    this.#heartbeat = new Heartbeat(SILENCE, () => {}, () => this.#streams.size > 0 && this.#end({ code: 1006, reason: "silence" }));
    this.#on.opened({ isProven: this.#streams.size > 0 });
  }

  async #run({ entries, epoch }, turn, opened) {
    const id = this.#on.id();
    for (const entry of entries) entry.ask(id);
    const stream = { controller: new AbortController(), entries, id };
    this.#streams.add(stream);
    try {
      const response = await this.#fetch(entries, epoch, stream.controller.signal);
      if (turn !== this.#turn) return void response.body?.cancel().catch(() => {});
      if (!response.ok) return await this.#refused(await errorOfAnswer(response), { entries, epoch }, turn, stream, opened);
      opened();
      await this.#read(response, stream, turn);
      if (turn === this.#turn) this.#end({ code: 1006, reason: "the stream ended" });
    } catch (error) {
      if (turn === this.#turn) this.#end(error instanceof SluiceError ? closeOf(error) : { code: 1006, reason: String(error) });
    }
  }

  #fetch(entries, epoch, signal) {
    const { addresses, fetch, tokens, credentials } = this.#settings;
    const url = new URL(addresses.events);
    for (const entry of entries) {
      url.searchParams.append("topic", entry.name);
      url.searchParams.append("after", entry.position().last ?? "");
    }
    if (epoch !== undefined) url.searchParams.set("epoch", epoch);
    return fetch(url, { signal, credentials, cache: "no-store", headers: { Accept: "text/event-stream", ...authorization(tokens.current) } });
  }

  async #read(response, stream, turn) {
    const decoder = new TextDecoder(), parser = new EventStream(), reader = response.body.getReader();
    stream.reader = reader;
    for (;;) {
      const { done, value } = await reader.read();
      if (turn !== this.#turn || done) return;
      this.#heartbeat?.heard();
      for (const event of parser.feed(decoder.decode(value, { stream: true }))) {
        if (event.retry !== undefined) stream.retry = event.retry;
        if (event.data !== undefined) this.#receive(JSON.parse(event.data), stream);
        if (turn !== this.#turn) return;
      }
    }
  }

  #receive(message, stream) {
    switch (message.type) {
      case "subscribed":
        return this.#on.message({ ...message, id: stream.id });
      case "end": {
        const code = message.reason === "token expired" ? 4402 : 1001;
        // The gateway spreads those that come back over a while; a token's end concerns this client alone.
        return this.#end({ code, reason: message.reason, retryAfterMilliseconds: code === 1001 ? stream.retry : undefined });
      }
      default:
        return this.#on.message(message);
    }
  }

  /** A stream was refused: for a topic of it, then the others are had without; or because of the client or the gateway. */
  async #refused(error, { entries, epoch }, turn, stream, opened) {
    if (isOfTopics(error)) {
      const good = await this.#sift(entries, epoch, turn, error);
      if (turn !== this.#turn) return;
      this.#streams.delete(stream);
      // Each half is taken, and both together aren't: a gateway that takes fewer topics a stream than this client knows.
      if (good.length === entries.length) return this.#divide(good, epoch, turn, opened, error);
      if (good.length === 0) return opened();
      return await this.#run({ entries: good, epoch }, turn, opened);
    }
    this.#end(closeOf(error));
  }

  /** Two streams instead of one, as far as there may be another. */
  async #divide(entries, epoch, turn, opened, error) {
    const middle = (entries.length + 1) >> 1, isRoom = this.#streams.size + 2 <= STREAMS;
    if (!isRoom) for (const entry of entries.slice(middle)) this.#settings.refused(entry, error);
    else this.#run({ entries: entries.slice(middle), epoch }, turn, () => {});
    await this.#run({ entries: entries.slice(0, middle), epoch }, turn, opened);
  }

  /** Those of the topics that are allowed: halves find the ones that aren't. */
  async #sift(entries, epoch, turn, error) {
    if (entries.length === 1) {
      this.#settings.refused(entries[0], error);
      return [];
    }
    const middle = entries.length >> 1, good = [];
    for (const half of [entries.slice(0, middle), entries.slice(middle)]) {
      const controller = new AbortController();
      const response = await this.#fetch(half, epoch, controller.signal);
      const refusal = response.ok ? undefined : await errorOfAnswer(response);
      controller.abort();
      if (response.ok) response.body.cancel().catch(() => {});
      if (turn !== this.#turn) return [];
      if (!refusal) good.push(...half);
      else if (isOfTopics(refusal)) good.push(...await this.#sift(half, epoch, turn, refusal));
      else throw refusal;
    }
    return good;
  }

  #end(end) {
    if (this.#isEnded) return;
    this.close();
    this.#on.closed(end);
  }
}

/** What a refused stream would be as a WebSocket's close. @param {SluiceError} error */
function closeOf(error) {
  const { code, message: reason, status, retryAfterMilliseconds } = error;
  const end = { reason, error, retryAfterMilliseconds, isRefusal: true };
  if (code === "TokenExpired") return { ...end, code: 4402 };
  if (status === 401) return { ...end, code: 4401 };
  if (status === 429) return { ...end, code: 4429 };
  if (status >= 500) return { ...end, code: 1013 };
  return { ...end, code: 4403, isWayOnly: status === 404 || status === 405 };
}

const authorization = (token) => (token === undefined ? {} : { Authorization: `Bearer ${token}` });

/** Fetches with a limit of time. */
async function within(milliseconds, outer, request) {
  const controller = new AbortController(), abort = () => controller.abort();
  const timer = setTimeout(abort, milliseconds);
  outer?.addEventListener("abort", abort, { once: true });
  try {
    return await request(controller.signal);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener("abort", abort);
  }
}

/** Whether HTTP works. */
export async function probe({ fetch, addresses, connectTimeout }) {
  try {
    const answer = await within(connectTimeout, undefined, (signal) => fetch(addresses.probe, { method: "HEAD", cache: "no-store", signal }));
    return answer.ok;
  } catch {
    return false;
  }
}
