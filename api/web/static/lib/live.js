import { BASE, away } from "./api.js";
import { learn } from "./times.js";

// Reads the stream with fetch, as EventSource shows neither signs of life nor why it failed. The id of the last event
// is kept, so that after an interruption everything between is told too; `reset` says that it cannot be.
const SILENT_MS = 35_000;
const HIDDEN_MS = 60_000;
const WAITS_MS = [500, 1000, 2000, 4000, 8000];
const LONGEST_WAIT_MS = 60_000;
// A restart of the server or a proxy's cut is over by then, and nothing was missed.
const GRACE_MS = 10_000;

/** The live stream: calls `on[topic](data, message)`, and `state({lostSince, heard})` when the connection changes. */
export class Live {
  /**
   * @param {object} given
   * @param {string[]} [given.topics]
   * @param {string[]} [given.kinds]
   * @param {Told} given.on
   * @param {(message: Change) => void} [given.reset]
   * @param {(live: Live) => void} [given.state]
   * @param {string | null} [given.after]
   */
  constructor({ topics = [], kinds = [], on, reset, state, after = null }) {
    this.query = { topics: topics.join(","), kinds: kinds.join(",") };
    this.on = on;
    this.reset = reset;
    this.state = state ?? (() => {});
    /** @type {number | null} */
    this.heard = null;
    /** @type {number | null} */
    this.lostSince = null;
    /** @type {number | null} */
    this.brokenAt = null;
    this.beat = 0;
    this.retryMs = 0;
    this.stopped = false;
    this.paused = false;
    this.hiding = 0;
    /** @type {AbortController | null} */
    this.controller = null;
    this.wake = () => {};
    this.crowded = false;
    this.last = after;
    this.tries = 0;
    document.addEventListener("visibilitychange", () => this.#seen());
    setInterval(() => {
      if (this.controller && Date.now() - this.beat > SILENT_MS) this.controller.abort();
    }, 5000);
  }

  /** Whether people are to be told: it is away for longer than it takes to come back. */
  get lost() {
    return this.brokenAt !== null && Date.now() - this.brokenAt > GRACE_MS;
  }

  /** Begin after the change of the id `after`, which what is shown already includes, or with what comes from now on. */
  start() {
    this.stopped = false;
    this.#run();
    return this;
  }

  stop() {
    this.stopped = true;
    this.controller?.abort();
  }

  async #run() {
    while (!this.stopped) {
      this.controller = new AbortController();
      this.beat = Date.now();
      let again = true;
      try {
        again = await this.#read(this.controller.signal);
      } catch {
        /* told below */
      }
      this.controller = null;
      if (this.stopped || !again) return;
      this.lostSince ??= this.heard ?? Date.now();
      this.brokenAt ??= Date.now();
      this.state(this);
      // By chance, so that not all come back at once.
      const wait = Math.max(
        this.retryMs,
        WAITS_MS[Math.min(this.tries++, WAITS_MS.length - 1)] * (0.5 + Math.random()),
      );
      await new Promise((done) => {
        setTimeout(done, wait);
        this.wake = () => done(undefined);
      });
    }
  }

  /** @param {AbortSignal} signal */
  async #read(signal) {
    this.retryMs = 0;
    /** @type {Record<string, string>} */
    const headers = { Accept: "text/event-stream" };
    if (this.last !== null) headers["Last-Event-ID"] = this.last;
    const given = Object.entries(this.query).filter(([, v]) => v);
    const answer = await fetch(`${BASE}/stream?${new URLSearchParams(given)}`, { headers, signal, cache: "no-store" });
    if (answer.status === 401) {
      away();
      return false;
    }
    if (answer.status === 403) return false;
    this.crowded = answer.status === 429;
    if (!answer.ok) {
      this.retryMs = Math.min(LONGEST_WAIT_MS, 1000 * (Number(answer.headers.get("Retry-After")) || 0));
      throw new Error(String(answer.status));
    }
    const reader = /** @type {ReadableStream} */ (answer.body).pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return true;
      this.#alive();
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) this.#event(block);
    }
  }

  #alive() {
    this.heard = this.beat = Date.now();
    this.tries = 0;
    this.lostSince = this.brokenAt = null;
    this.state(this);
  }

  /** @param {string} block */
  #event(block) {
    let name = "message",
      data = "";
    for (const line of block.split("\n")) {
      if (line.startsWith("id: ")) this.last = line.slice(4);
      else if (line.startsWith("event: ")) name = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
    }
    if (!data) return;
    const message = JSON.parse(data);
    if (name === "reset") {
      this.reset?.(message);
      return;
    }
    if (message.at) learn(Date.parse(message.at));
    this.on[name]?.(message.data, message);
  }

  // Browsers allow few connections to a server: a page that nobody sees gives its own back, and resumes later.
  #seen() {
    clearTimeout(this.hiding);
    if (document.hidden) {
      this.hiding = setTimeout(() => {
        this.stop();
        this.paused = true;
      }, HIDDEN_MS);
    } else if (this.paused) {
      this.paused = false;
      this.start();
    } else this.wake();
  }
}
