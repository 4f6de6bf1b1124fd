/** `load(url)` from a server that does what it should, and from others. */
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dense, FileFormatError, type LoadOptions, load, sequential } from "../../src/index.ts";

let server: Server;
let origin = "";
let bytes: Uint8Array;

const answers: Record<string, (response: ServerResponse) => void> = {
  "/sound": (response) => void response.writeHead(200, { "Content-Length": bytes.length }).end(bytes),
  "/unannounced": (response) => {
    response.writeHead(200);
    response.write(bytes.subarray(0, 1000));
    setTimeout(() => response.end(bytes.subarray(1000)), 20);
  },
  "/gzip": (response) => void response.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync(bytes)),
  "/page": (response) => void response.writeHead(200).end("\n<!DOCTYPE html><title>Log in</title>"),
  "/empty": (response) => void response.writeHead(200).end(),
  "/slow": (response) => {
    response.writeHead(200, { "Content-Length": bytes.length });
    response.write(bytes.subarray(0, 1000));
  },
  "/endless": (response) => {
    response.writeHead(200, { "Content-Length": 10 ** 9 });
    response.write(Buffer.alloc(20_000, "no model"));
  },
  "/crumbs": (response) => {
    response.writeHead(200, { "Content-Length": bytes.length });
    const sendFrom = (at: number) => {
      response.write(bytes.subarray(at, at + 777));
      if (at + 777 < bytes.length) setImmediate(sendFrom, at + 777);
      else response.end();
    };
    sendFrom(0);
  },
  "/cut": (response) => {
    response.writeHead(200, { "Content-Length": bytes.length });
    response.write(bytes.subarray(0, 1000), () => setTimeout(() => response.destroy(), 20));
  },
};

beforeAll(async () => {
  const model = sequential([dense({ units: 40, inputShape: [60] })]);
  bytes = model.toBytes();
  model.dispose();
  server = createServer(({ url }, response) => (answers[url!] ?? (() => void response.writeHead(404).end("none")))(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const loaded = async (path: string, options: LoadOptions = {}) => {
  const model = await load(origin + path, options);
  const isSame = Buffer.compare(model.toBytes(), bytes) === 0;
  model.dispose();
  return isSame;
};
const failure = (path: string, options: LoadOptions = {}) => load(origin + path, options).then(String, (reason: Error) => reason);

describe("progress", () => {
  test.each([
    ["/sound", true],
    ["/crumbs", true],
    ["/unannounced", false],
    ["/gzip", false],
  ])("of %s grows to the whole; the total is known: %s", async (path, isKnown) => {
    const seen: { loaded: number; total: number | undefined }[] = [];
    expect(await loaded(path, { onProgress: (progress) => seen.push(progress) })).toBe(true);
    expect(seen.at(-1)).toEqual({ loaded: bytes.length, total: isKnown ? bytes.length : undefined });
    expect(seen.map((each) => each.loaded)).toEqual(seen.map((each) => each.loaded).sort((a, b) => a - b));
  });
});

describe("maxBytes", () => {
  test("is checked before, in the middle, and for files too", async () => {
    expect(await loaded("/sound", { maxBytes: bytes.length })).toBe(true);
    const message = (path: string, size: number) => `load: ${origin}${path} has ${size} bytes or more, maxBytes is 999`;
    expect(await failure("/sound", { maxBytes: 999 })).toEqual(new RangeError(message("/sound", bytes.length)));
    expect(await failure("/unannounced", { maxBytes: 999 })).toEqual(new RangeError(message("/unannounced", 1000)));
    await expect(load(new URL(import.meta.url), { maxBytes: 10 })).rejects.toThrow(/^load: file:.* has \d+ bytes or more, maxBytes is 10$/);
  });
});

describe("signal", () => {
  test("ends a download with its reason, before and in the middle", async () => {
    const reason = new RangeError("not any more");
    expect(await failure("/sound", { signal: AbortSignal.abort(reason) })).toBe(reason);
    const controller = new AbortController();
    const onProgress = () => controller.abort(reason);
    expect(await failure("/slow", { signal: controller.signal, onProgress })).toBe(reason);
  });
});

describe("refused", () => {
  test.each<[string, RegExp, ErrorConstructor | typeof FileFormatError]>([
    ["/nowhere", /^load: \S+\/nowhere answered 404 Not Found$/, Error],
    ["/page", /^\S+\/page: this is an HTML or XML page: was the address wrong\?; needs a safetensors file$/, FileFormatError],
    ["/endless", /^http:\S+\/endless: no safetensors file: its header does not begin with \{$/, FileFormatError],
    ["/empty", /\/empty: the file is empty$/, FileFormatError],
    ["/cut", /^load: \S+\/cut: the connection broke after 1000 of \d+ bytes: /, Error],
  ])("%s", async (path, text, kind) => {
    const error = (await failure(path)) as Error;
    expect(error.message).toMatch(text);
    expect(error.constructor).toBe(kind);
  });

  test("a server that is not there", async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, "127.0.0.1", resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    await expect(load(`http://127.0.0.1:${port}/x`)).rejects.toThrow(/^load: http:\S+ cannot be reached \(offline, no such server, or not allowed/);
  });

  test.each<[string, LoadOptions, string]>([
    ["onProgress", { onProgress: 1 as never }, "load: onProgress is 1, needs a function"],
    ["signal", { signal: {} as never }, "load: signal is an object, needs an AbortSignal"],
    ["maxBytes", { maxBytes: 0 }, "load: maxBytes is 0, needs a finite number > 0"],
  ])("a bad option: %s", async (_, options, message) => {
    expect(((await failure("/sound", options)) as Error).message).toBe(message);
  });
});
