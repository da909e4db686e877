import assert from "node:assert/strict";
import { test } from "node:test";
import { json, NOW, page, serve } from "./support/browser.js";

/**
 * The stream as the server would write it: `send(text)`, `end()`, and how it was asked.
 * @param {any} options
 */
function stream(options) {
  /** @type {ReadableStreamDefaultController} */
  let controller;
  const body = new ReadableStream({
    start(given) {
      controller = given;
      options.signal.addEventListener("abort", () => given.error(new Error("cut")));
    },
  });
  return {
    asked: options,
    answer: new Response(body),
    send: (/** @type {string} */ text) => controller.enqueue(new TextEncoder().encode(text)),
    end: () => controller.close(),
  };
}

/** @param {() => boolean} condition */
async function until(condition) {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 2000, "never");
    await new Promise((done) => setTimeout(done, 1));
  }
}

/**
 * A live stream to a server that opens a stream each time, or answers what `answers` has first.
 * @param {{answers?: (() => unknown)[], given?: object}} [how]
 */
async function opened({ answers = [], given = {} } = {}) {
  const load = await page("de");
  const { Live } = await load("lib/live.js");
  /** @type {ReturnType<typeof stream>[]} */
  const streams = [];
  /** @type {string[]} */
  const addresses = [];
  serve((url, options) => {
    addresses.push(url);
    const first = answers.shift();
    if (first) return first();
    streams.push(stream(options));
    return /** @type {any} */ (streams.at(-1)).answer;
  });
  /** @type {any[]} */
  const heard = [];
  const on = { alarm: (/** @type {any} */ data) => heard.push(data.n) };
  const reset = () => heard.push("reset");
  const live = new Live({ topics: ["alarm"], kinds: ["fire_drone"], on, reset, ...given });
  live.start();
  return { live, heard, streams, addresses };
}

const event = (/** @type {number} */ id, name = "alarm") =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify({ at: new Date(NOW).toISOString(), data: { n: id } })}\n\n`;

test("what is told comes in its order, however the bytes are cut", async () => {
  const { live, heard, streams, addresses } = await opened();
  await until(() => streams.length === 1);
  const text = event(1) + ": sign of life\n\n" + event(2) + event(3, "unknown") + event(4);
  for (const letter of text) streams[0].send(letter);
  await until(() => heard.length === 3);
  assert.deepEqual(heard, [1, 2, 4]);
  assert.equal(live.last, "4");
  assert.match(addresses[0], /\/stream\?topics=alarm&kinds=fire_drone$/);
  assert.equal(streams[0].asked.headers["Last-Event-ID"], undefined);
  live.stop();
});

test("it comes back where it was", async () => {
  const { live, heard, streams } = await opened({ given: { after: "7" } });
  await until(() => streams.length === 1);
  assert.equal(streams[0].asked.headers["Last-Event-ID"], "7");
  streams[0].send(event(8));
  await until(() => heard.length === 1);
  streams[0].end();
  await until(() => live.brokenAt !== null);
  assert.equal(live.lost, false, "a short cut is not told");
  live.wake();
  await until(() => streams.length === 2);
  assert.equal(streams[1].asked.headers["Last-Event-ID"], "8");
  streams[1].send(event(9));
  await until(() => heard.length === 2);
  assert.deepEqual([live.brokenAt, live.lostSince, live.tries], [null, null, 0]);
  live.stop();
});

test("a reset is told to the page, and its name says no more than that", async () => {
  const { live, heard, streams } = await opened();
  await until(() => streams.length === 1);
  streams[0].send(event(5, "reset") + event(6));
  await until(() => heard.length === 2);
  assert.deepEqual(heard, ["reset", 6]);
  live.stop();
});

test("a crowded server is given the time it asks for", async () => {
  const { live, streams } = await opened({ answers: [() => json({}, 429, { "Retry-After": "3" })] });
  await until(() => live.brokenAt !== null);
  assert.deepEqual([live.crowded, live.retryMs], [true, 3000]);
  live.wake();
  await until(() => streams.length === 1);
  assert.equal(live.crowded, false);
  live.stop();
});

test("who may not listen is not asked for again", async () => {
  const { live, addresses } = await opened({ answers: [() => json({}, 403)] });
  await until(() => addresses.length === 1 && live.controller === null);
  assert.deepEqual([live.brokenAt, addresses.length], [null, 1]);
});

test("a page that nobody sees listens again when it is seen", async () => {
  const { live, streams } = await opened();
  await until(() => streams.length === 1);
  live.stop();
  live.paused = true;
  document.dispatchEvent(new Event("visibilitychange"));
  await until(() => streams.length === 2);
  assert.equal(live.paused, false);
  live.stop();
});
