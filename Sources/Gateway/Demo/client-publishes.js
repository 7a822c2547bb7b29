// Publishes on their way: each waits, is sent, is answered, or is sent again where the gateway has said that nothing was stored.

import { SluiceError, backoff, errorOfAnswer, isSafeToRepeat } from "./client-errors.js";

/** What one POST carries at most; the gateway takes 1,000 and 8 MiB. */
const BATCH = { records: 100, characters: 1_048_576 };

/**
 * @typedef {object} Request
 * @property {string} id
 * @property {object} message
 * @property {number} size
 * @property {(value: {sequence: number}) => void} resolve
 * @property {(error: Error) => void} reject
 * @property {*} timer
 * @property {object} [session] which has sent it, and not answered yet
 * @property {SluiceError} [refusal] the last one, that passes
 * @property {number} refusals
 * @property {*} [again] the timer until it is sent again
 * @property {boolean} [isAlone] not in a batch with others: one of them is refused
 */

export class Publishes {
  /** In the order in which they were asked for. @type {Map<string, Request>} */ #requests = new Map();
  #settings;
  #session;
  /** @type {object | undefined} */ #posting;

  /**
   * @param {object} settings
   * @param {number} settings.requestTimeout
   * @param {number} settings.minimumDelay
   * @param {number} settings.maximumDelay
   * @param {import("./client-tokens.js").Tokens} settings.tokens
   */
  constructor(settings) {
    this.#settings = settings;
  }

  /** @param {string} id @param {object} message */
  add(id, message) {
    const { requestTimeout } = this.#settings;
    return new Promise((resolve, reject) => {
      const request = { id, message, size: JSON.stringify(message).length, resolve, reject, refusals: 0 };
      request.timer = setTimeout(() => {
        if (!this.#take(id)) return;
        const mayBeStored = request.session !== undefined;
        reject(request.refusal ?? new SluiceError("Timeout", `No acknowledgement within ${requestTimeout} ms.`, { mayBeStored }));
      }, requestTimeout);
      this.#requests.set(id, request);
      this.#flush();
    });
  }

  /** A connection is there: what waits goes to it. */
  use(session) {
    this.#session = session;
    this.#flush();
  }

  /** @param {object} session @returns {boolean} whether it still owes an answer */
  isOwed(session) {
    for (const request of this.#requests.values()) if (request.session === session) return true;
    return false;
  }

  /** @param {string} id @param {number} sequence */
  published(id, sequence) {
    this.#take(id)?.resolve({ sequence });
  }

  /** @param {string} id @param {SluiceError} error @returns {boolean} whether it was about a publish */
  refused(id, error) {
    const request = this.#requests.get(id);
    if (!request) return false;
    this.#refuse(request, error);
    return true;
  }

  /** A connection is gone: what it has sent and not answered may be stored, and sending it again could store it twice. */
  lost(session) {
    if (this.#session === session) this.#session = undefined;
    for (const request of [...this.#requests.values()]) {
      if (request.session !== session) continue;
      const message = "The connection was lost before the acknowledgement came.";
      this.#take(request.id)?.reject(new SluiceError("ConnectionLost", message, { mayBeStored: true }));
    }
  }

  /** @param {(isSent: boolean) => Error} error */
  end(error) {
    this.#session = undefined;
    for (const { id, session } of [...this.#requests.values()]) this.#take(id)?.reject(error(session !== undefined));
  }

  #refuse(request, error) {
    const { tokens, minimumDelay, maximumDelay } = this.#settings;
    if (!isSafeToRepeat(error, tokens.canRenew)) return this.#take(request.id)?.reject(error);
    request.session = undefined;
    request.refusal = error;
    const delay = Math.max(backoff(request.refusals++, minimumDelay, maximumDelay), error.retryAfterMilliseconds ?? 0);
    request.again = setTimeout(() => {
      request.again = undefined;
      this.#flush();
    }, delay);
  }

  #take(id) {
    const request = this.#requests.get(id);
    if (!request) return undefined;
    clearTimeout(request.timer);
    clearTimeout(request.again);
    this.#requests.delete(id);
    return request;
  }

  #flush() {
    const session = this.#session;
    if (!session) return;
    if (session.post) return void this.#post(session);
    const waiting = [...this.#requests.values()].filter((request) => request.session === undefined && request.again === undefined);
    for (const request of waiting) request.session = session;
    if (waiting.length > 0) session.publish(waiting);
  }

  /** One request at a time keeps the order. */
  async #post(session) {
    if (this.#posting === session) return;
    this.#posting = session;
    for (let batch = this.#batch(); batch.length > 0 && session === this.#session; batch = this.#batch()) {
      for (const request of batch) request.session = session;
      await this.#send(batch, session);
    }
    if (this.#posting === session) this.#posting = undefined;
  }

  #batch() {
    const batch = [];
    let size = 0;
    for (const request of this.#requests.values()) {
      if (request.session !== undefined || request.again !== undefined) continue;
      size += request.size;
      if (batch.length > 0 && (request.isAlone || batch[0].isAlone || batch.length >= BATCH.records || size > BATCH.characters)) break;
      batch.push(request);
    }
    return batch;
  }

  async #send(batch, session) {
    let error;
    try {
      const response = await session.post(batch.map(({ message }) => message));
      if (response.ok) {
        const { records } = await response.json();
        return batch.forEach(({ id }, index) => this.published(id, records[index].sequence));
      }
      error = await errorOfAnswer(response);
    } catch (cause) {
      error = lostBy(cause);
    }
    // What a renewed token allows is sent again with it.
    if (error.code === "TokenExpired") await this.#settings.tokens.renew().catch(() => {});
    const isFinal = !isSafeToRepeat(error, this.#settings.tokens.canRenew);
    if (batch.length > 1 && isFinal && !error.mayBeStored) {
      // All of them or none: nothing is stored, and one by one the others are.
      for (const request of batch) Object.assign(request, { isAlone: true, session: undefined });
    } else for (const request of batch) if (this.#requests.has(request.id)) this.#refuse(request, error);
  }
}

/** What a fetch that failed means: it hasn't reached anybody, or nobody knows. */
function lostBy(cause) {
  const isUnsent = ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN"].includes(cause?.cause?.code);
  if (isUnsent) return new SluiceError("Unreachable", "The gateway can't be reached.", { cause });
  return new SluiceError("ConnectionLost", "The connection was lost before the acknowledgement came.", { cause, mayBeStored: true });
}
