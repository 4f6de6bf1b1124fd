/** The server of `npm run examples`: headers, types, and nothing from outside its folder. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseArgs, serve } from "../support/examplesServer.ts";

const folder = mkdtempSync(join(tmpdir(), "convlet-serve-"));
const servers: Server[] = [];
let isolated = "";
let open = "";

beforeAll(async () => {
  mkdirSync(join(folder, "site/page"), { recursive: true });
  for (const [name, text] of [
    ["secret.txt", "secret"],
    ["site/index.html", "<p>start</p>"],
    ["site/page/index.html", "<p>page</p>"],
    ["site/a.js", "1"],
    ["site/a.css", "p {}"],
    ["site/a.wasm", "\0asm"],
    ["site/a.safetensors", "weights"],
    ["site/ä b.txt", "umlaut"],
  ]) {
    writeFileSync(join(folder, name), text);
  }
  symlinkSync(join(folder, "secret.txt"), join(folder, "site/link.txt"));
  symlinkSync(folder, join(folder, "site/up"));
  for (const isolation of ["isolated", "none"] as const) {
    const { server, url } = await serve(join(folder, "site"), { port: 0, isolation });
    servers.push(server);
    if (isolation === "isolated") isolated = url;
    else open = url;
  }
});

afterAll(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true });
});

/** The request as it stands: `fetch` would tidy its path. Returns status line, headers and body. */
function raw(path: string): Promise<string> {
  const { hostname, port } = new URL(isolated);
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(Number(port), hostname, () => socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`));
    socket.setEncoding("utf8").on("data", (more) => {
      text += more;
    });
    socket.on("end", () => resolve(text)).on("error", reject);
  });
}

test("listens on this machine alone", () => {
  for (const server of servers) expect(server.address()).toMatchObject({ address: "127.0.0.1" });
});

test.each([
  ["", "text/html; charset=utf-8"],
  ["page/", "text/html; charset=utf-8"],
  ["a.js", "text/javascript; charset=utf-8"],
  ["a.css", "text/css; charset=utf-8"],
  ["a.wasm", "application/wasm"],
  ["a.safetensors", "application/octet-stream"],
  ["%C3%A4%20b.txt", "text/plain; charset=utf-8"],
])("%s is %s", async (path, type) => {
  const response = await fetch(isolated + path);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe(type);
  expect(Number(response.headers.get("content-length"))).toBe((await response.arrayBuffer()).byteLength);
});

describe("isolation", () => {
  test("every answer carries COOP and COEP, a 404 too", async () => {
    for (const path of ["", "a.js", "missing"]) {
      const { headers } = await fetch(isolated + path);
      expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
      expect(headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    }
  });

  test('is left out with "none"', async () => {
    const { headers, status } = await fetch(open);
    expect(status).toBe(200);
    expect(headers.get("cross-origin-opener-policy")).toBeNull();
    expect(headers.get("cross-origin-embedder-policy")).toBeNull();
  });
});

test("pages may not ask another host for anything", async () => {
  const policy = (await fetch(isolated)).headers.get("content-security-policy");
  expect(policy).toContain("default-src 'self'");
  expect(policy).not.toMatch(/https?:|\*/);
});

test.each([
  "/../secret.txt",
  "/%2e%2e/secret.txt",
  "/..%2fsecret.txt",
  "/page/..%2f..%2fsecret.txt",
  "/..%5csecret.txt",
  "//secret.txt",
  "/link.txt",
  "/up/secret.txt",
  "/up",
  "/up/",
  "/a.js%00.txt",
  "/%ff",
  "http://other/../secret.txt",
  "*",
])("nothing from outside: %s", async (path) => {
  const answer = await raw(path);
  expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
  expect(answer.endsWith("secret")).toBe(false);
});

test("a folder without its slash is redirected, never to another host", async () => {
  expect(await raw("/page?a=1")).toMatch(/^HTTP\/1\.1 308 [\s\S]*Location: \.\/page\/\?a=1\r\n/);
  expect(await raw("//page")).toMatch(/^HTTP\/1\.1 404 /);
  const followed = await fetch(`${isolated}page`);
  expect([followed.url, await followed.text()]).toEqual([`${isolated}page/`, "<p>page</p>"]);
});

test("a file that the browser has is not sent again", async () => {
  const first = await fetch(`${isolated}a.safetensors`);
  expect(first.headers.get("cache-control")).toBe("no-cache");
  const etag = first.headers.get("etag")!;
  const second = await fetch(`${isolated}a.safetensors`, { headers: { "if-none-match": etag } });
  expect([second.status, await second.text()]).toEqual([304, ""]);
});

test("methods: HEAD has no body, others are refused", async () => {
  const head = await fetch(isolated, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
  expect((await fetch(isolated, { method: "POST", body: "x" })).status).toBe(405);
});

test("the words of npm run examples", () => {
  expect(parseArgs([])).toEqual({ port: undefined, isolation: "isolated", help: false });
  expect(parseArgs(["--no-isolation", "--port", "8123"])).toMatchObject({ port: 8123, isolation: "none" });
  expect(parseArgs(["--port=0"])).toMatchObject({ port: 0 });
  for (const words of [["--port"], ["--port", "x"], ["--port", "65536"], ["--prot"]]) expect(() => parseArgs(words)).toThrow(RangeError);
});
