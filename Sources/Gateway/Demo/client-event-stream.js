// The format of server-sent events (HTML, section 9.2.6): text in, events out, wherever the text was cut.

/** @typedef {{event?: string, data?: string, id?: string, retry?: number}} StreamEvent */

export class EventStream {
  /** What has come of the line that isn't whole. @type {string[]} */ #line = [];
  #isAfterReturn = false;
  #isFirst = true;
  #data;
  #event;
  #id;

  /**
   * The events that this text makes whole. A line `retry:` is an event without `data`.
   * @param {string} text @returns {StreamEvent[]}
   */
  feed(text) {
    if (this.#isFirst && text.length > 0) {
      this.#isFirst = false;
      if (text.startsWith("\uFEFF")) text = text.slice(1);
    }
    const events = [];
    let start = 0;
    // A line feed behind a carriage return that was the last character belongs to it.
    if (this.#isAfterReturn && text.length > 0) {
      this.#isAfterReturn = false;
      if (text.startsWith("\n")) start = 1;
    }
    for (const { index, 0: end } of text.matchAll(/\r\n|\n|\r/g)) {
      if (index < start) continue;
      this.#line.push(text.slice(start, index));
      this.#whole(this.#line.length === 1 ? this.#line[0] : this.#line.join(""), events);
      this.#line = [];
      start = index + end.length;
      if (end === "\r" && start === text.length) this.#isAfterReturn = true;
    }
    if (start < text.length) this.#line.push(text.slice(start));
    return events;
  }

  #whole(line, events) {
    if (line === "") return this.#dispatch(events);
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    switch (name) {
      case "data":
        this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
        break;
      case "event":
        this.#event = value;
        break;
      case "id":
        if (!value.includes("\0")) this.#id = value;
        break;
      case "retry":
        if (/^\d+$/.test(value)) events.push({ retry: Number(value) });
    }
  }

  #dispatch(events) {
    if (this.#data !== undefined) events.push({ event: this.#event || "message", data: this.#data, id: this.#id });
    this.#data = undefined;
    this.#event = undefined;
  }
}
