// The token: the one that is known, and new ones from whoever gives them, one question at a time.

import { SluiceError, backoff, passes } from "./client-errors.js";

export class Tokens {
  #get;
  #timeout;
  #value;
  #pending;

  /**
   * @param {string | (() => string | Promise<string>) | undefined} source a token, or what gets one
   * @param {number} timeout how long that may take, milliseconds
   */
  constructor(source, timeout) {
    if (typeof source === "function") this.#get = source;
    else this.#value = source;
    this.#timeout = timeout;
  }

  /** Whether there can be a new one. */
  get canRenew() {
    return this.#get !== undefined;
  }

  /** The one that was got last. @returns {string | undefined} */
  get current() {
    return this.#value;
  }

  /** Gets a new one; who asks meanwhile gets the same. @returns {Promise<string | undefined>} */
  renew() {
    if (!this.#get) return Promise.resolve(this.#value);
    this.#pending ??= this.#ask().finally(() => { this.#pending = undefined; });
    return this.#pending;
  }

  async #ask() {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no token within ${this.#timeout} ms`)), this.#timeout);
    });
    try {
      const value = await Promise.race([this.#get(), late]);
      if (typeof value !== "string" || value === "") throw new TypeError("the token isn't a string");
      this.#value = value;
      return value;
    } catch (cause) {
      throw new SluiceError("TokenFailed", `No token could be got: ${cause}`, { cause });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A token that ends soon: a new one goes to the gateway over the connection that there is. */
export class Renewal {
  #tokens;
  #settings;
  /** The connection whose token it is. */ #session;
  /** The new one, sent and not answered yet. @type {string | undefined} */ #id;
  #attempt = 0;
  #timer;

  /**
   * @param {Tokens} tokens
   * @param {{minimumDelay: number, maximumDelay: number, id: () => string, fail: (error: Error) => void}} settings
   */
  constructor(tokens, settings) {
    this.#tokens = tokens;
    this.#settings = settings;
  }

  /** @param {{send: (message: object) => void}} session */
  begin(session) {
    if (!this.#tokens.canRenew) return;
    this.stop();
    this.#session = session;
    this.#attempt = 0;
    this.#renew(session);
  }

  /** The connection is gone: the next one has a token of its own. */
  stop() {
    clearTimeout(this.#timer);
    this.#session = undefined;
    this.#id = undefined;
  }

  /** @param {string} id */
  authenticated(id) {
    if (id === this.#id) this.stop();
  }

  /** The old token holds as long as it would have; another principal's is taken with the next connection. @returns {boolean} if it was about this */
  refused(id, error) {
    if (id === undefined || id !== this.#id) return false;
    this.#id = undefined;
    // One that had expired already may have been kept somewhere: the next one may be newer.
    if (!passes(error) && error.code !== "TokenExpired") this.#settings.fail(error);
    else this.#later();
    return true;
  }

  async #renew(session) {
    try {
      const token = await this.#tokens.renew();
      if (session !== this.#session) return;
      this.#id = this.#settings.id();
      session.send({ action: "authenticate", id: this.#id, token });
    } catch (error) {
      if (session !== this.#session) return;
      this.#settings.fail(error);
      this.#later();
    }
  }

  #later() {
    const { minimumDelay, maximumDelay } = this.#settings, session = this.#session;
    this.#timer = setTimeout(() => this.#renew(session), backoff(this.#attempt++, minimumDelay, maximumDelay));
  }
}

/** The WebSocket subprotocols with a token, or nothing where it has characters that a subprotocol can't have. @param {string} token */
export function subprotocols(token) {
  return /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(token) ? ["sluice.v1", `bearer.${token}`] : undefined;
}
