// What can go wrong, what of it passes by itself, and how long to wait: no state, no network.

/** What the gateway refused, with its code (docs/protocol.md), or what became of the connection. */
export class SluiceError extends Error {
  /**
   * @param {string} code @param {string} message
   * @param {{topic?: string, cause?: unknown, mayBeStored?: boolean, retryAfterMilliseconds?: number, status?: number}} [detail]
   */
  constructor(code, message, { topic, cause, mayBeStored = false, retryAfterMilliseconds, status } = {}) {
    super(message, { cause });
    this.name = "SluiceError";
    this.code = code;
    this.topic = topic;
    this.mayBeStored = mayBeStored;
    this.retryAfterMilliseconds = retryAfterMilliseconds;
    this.status = status;
  }
}

/** What the gateway's refusals are called, by their close codes. */
export const REFUSALS = new Map([[4401, "Unauthorized"], [4402, "TokenExpired"], [4403, "Forbidden"], [4429, "TooMany"]]);

/** Refused publishes of which nothing was stored, for certain, and that may be taken later: the client sends them again. */
const SAFE_TO_REPEAT = new Set([
  "QueueFull", "Overloaded", "ShuttingDown", "AuthorizerUnavailable", "TooManyRequests", "TooManyTopics", "TooManyConnections", "Unreachable",
]);

/** Refused subscribes that pass by themselves, as far as a message doesn't say so with a time. */
const PASSING = new Set(["InternalError", "StorageFailed"]);

/** Refusals that are about topics, not about the connection, where an answer is for both. */
const OF_TOPICS = new Set(["Forbidden", "InvalidTopic", "TooManySubscriptions"]);

/** @param {SluiceError} error of a publish @param {boolean} getsTokens whether a token that has expired can be renewed */
export const isSafeToRepeat = ({ code }, getsTokens) => SAFE_TO_REPEAT.has(code) || (code === "TokenExpired" && getsTokens);

/** @param {SluiceError} error of a subscribe */
export const passes = ({ code, retryAfterMilliseconds }) => retryAfterMilliseconds !== undefined || PASSING.has(code);

/** @param {SluiceError} error of a subscribe by an HTTP request */
export const isOfTopics = ({ code }) => OF_TOPICS.has(code);

/** An error message of a WebSocket as an error. */
export function errorOf({ code, message, retryAfter, retryAfterMilliseconds = retryAfter === undefined ? undefined : retryAfter * 1000 }, topic) {
  return new SluiceError(code, message, { topic, retryAfterMilliseconds });
}

/** An HTTP answer that isn't 2xx as an error: the gateway's own, or that of something in between. @param {Response} response */
export async function errorOfAnswer(response) {
  const text = await response.text().catch(() => "");
  let error;
  try { ({ error } = JSON.parse(text)); } catch { /* Not the gateway's. */ }
  const { status } = response, retryAfterMilliseconds = milliseconds(response.headers.get("Retry-After"));
  if (typeof error?.code === "string") return new SluiceError(error.code, String(error.message), { status, retryAfterMilliseconds });
  const code = status === 429 ? "TooManyRequests" : `HTTP${status}`;
  // A proxy that gives up doesn't know what the gateway has done meanwhile.
  return new SluiceError(code, `HTTP ${status}, not from a gateway.`, { status, mayBeStored: status >= 500, retryAfterMilliseconds });
}

/** `Retry-After`: seconds or a date (RFC 9110, section 10.2.3). @param {string | null} value */
function milliseconds(value, now = Date.now()) {
  if (!value) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

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
