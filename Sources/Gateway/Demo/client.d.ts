// Types of client.js, which a gateway serves beside it.

/** An event of a topic. */
export interface SluiceEvent<Data = unknown> {
  type: "event";
  topic: string;
  /** Position in the change log, strictly increasing. */
  sequence: number;
  /** Sequence of the topic's event before this one; 0 for its first. */
  previous: number;
  contentType: string;
  /** Present when `data` is base64 of binary content. */
  encoding?: "base64";
  /** Present when the event is the change of a table's item. */
  operation?: "INSERT" | "MODIFY" | "REMOVE";
  table?: string;
  key?: string;
  data: Data;
}

/** Events that may be missing. */
export interface Gap {
  topic: string;
  /** First sequence that may be missing. */
  from: number;
  /** First sequence that is there again. */
  to: number;
  /** The gateway's log is another one from `from` on: what the handler was given from there on isn't in it, and what is comes next. */
  diverged?: boolean;
}

export type Transport = "websocket" | "sse";
export type State = "connecting" | "open" | "waiting" | "closed";

/** Why a connection isn't open. */
export interface StateDetail {
  /** A close code of docs/protocol.md, over any transport. */
  code?: number;
  reason?: string;
  retryInMilliseconds?: number;
}

export interface Options {
  /** `auto`: WebSocket, or server-sent events where the WebSocket can't be opened while HTTP works. Default `auto`. */
  transport?: "auto" | Transport;
  /** A bearer token. */
  token?: string | (() => string | Promise<string>);
  /**
   * Gets a fresh bearer token: asked at each connect, before the token ends, and when the gateway says that it has expired; never twice at once.
   * Without it a client doesn't come back after its token has expired.
   */
  getToken?: () => string | Promise<string>;
  onState?: (state: State, detail: StateDetail) => void;
  /** For topics whose subscription has no `onGap` of its own. */
  onGap?: (gap: Gap) => void;
  /** Errors that belong to no call: a refused token or topic, a handler that threw. Default: the console. */
  onError?: (error: SluiceError) => void;
  /** First wait before a reconnect, milliseconds. Default 500. */
  minimumDelay?: number;
  /** Longest wait, milliseconds. Default 30000. */
  maximumDelay?: number;
  /** How long a connect may take, milliseconds. Default 10000. */
  connectTimeout?: number;
  /** How long a publish may wait for its acknowledgement, and `getToken` for its token, milliseconds. Default 15000. */
  requestTimeout?: number;
  /** Silence after which the client pings, milliseconds. Default 20000. */
  pingInterval?: number;
  /** For requests over HTTP, where the token is a cookie and the gateway of another origin. Default `same-origin`. */
  credentials?: "omit" | "same-origin" | "include";
  /** Another implementation than the global one, such as the package ws'. */
  WebSocket?: new (url: URL, protocols?: string | string[]) => WebSocketLike;
  /** Another implementation than the global one; its bodies must be streams. */
  fetch?: (input: any, init?: any) => Promise<any>;
}

/** As much of a WebSocket as the client uses. */
export interface WebSocketLike {
  readonly readyState: number;
  onmessage: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

export interface SubscribeOptions {
  /** The history after that sequence first; 0 for all of it. */
  after?: number;
  /** Of the log that `after` is of, as the subscription had it. */
  epoch?: string;
  onGap?: (gap: Gap) => void;
}

export interface Subscription {
  readonly topic: string;
  /** The last sequence that the handler has seen. */
  readonly sequence: number | undefined;
  /** The epoch of the log that the sequence is of: keep both together, and give both as `after` and `epoch`. */
  readonly epoch: string | undefined;
  /** Resolves at the first `subscribed`: every event published from then on comes. Rejects when the topic is refused. */
  readonly ready: Promise<void>;
  unsubscribe(): void;
}

export interface PublishOptions {
  /** Default `application/json`. For others `data` is a string. */
  contentType?: string;
  encoding?: "base64";
}

/** What the gateway refused, with its code (docs/protocol.md), or what became of the connection. */
export class SluiceError extends Error {
  constructor(code: string, message: string, detail?: {
    topic?: string; cause?: unknown; mayBeStored?: boolean; retryAfterMilliseconds?: number; status?: number;
  });
  readonly code: string;
  readonly topic?: string;
  /** Of a publish: whether the record may have been stored all the same. */
  readonly mayBeStored: boolean;
  readonly retryAfterMilliseconds?: number;
  /** Of an HTTP answer. */
  readonly status?: number;
}

/** One connection to a gateway. */
export class Client {
  constructor(url?: string | URL, options?: Options);
  /** The connection's id while it is open, over WebSocket. */
  readonly connectionId: string | undefined;
  readonly state: State;
  /** What the connection that is open, or tried, goes over. */
  readonly transport: Transport;
  /** Calls `handler` for each event of a topic, now and after every reconnect. */
  subscribe<Data = unknown>(topic: string, handler: (event: SluiceEvent<Data>) => void, options?: SubscribeOptions): Subscription;
  /** Publishes and waits until the record is committed. Rejects with a `SluiceError`. */
  publish(topic: string, data: unknown, options?: PublishOptions): Promise<{ sequence: number }>;
  /** Closes the connection for good. */
  close(): void;
}

/** Opens a connection that stays open: to the gateway that this module was loaded from, or to another. */
export function connect(options?: Options): Client;
export function connect(url: string | URL, options?: Options): Client;

/** Whether a client connects again after a close with this code. */
export function reconnectsAfter(code: number, getsTokens?: boolean): boolean;

/** How long to wait before the given attempt (0 is the first), milliseconds: exponential, half of it random. */
export function backoff(attempt: number, minimum: number, maximum: number, random?: () => number): number;
