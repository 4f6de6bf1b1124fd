/** A web site on this machine alone, whose answers a test can spoil. */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { bundle } from "./bundle.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".map": "application/json",
  ".wasm": "application/wasm",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".safetensors": "application/octet-stream",
};

/** What a path gives. Without `body` it is the file of the repository. */
export interface Answer {
  readonly status?: number;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Wait so long before the answer. Milliseconds. */
  readonly delay?: number;
  /** Promise the whole body, send so many bytes of it, then cut the connection. */
  readonly cutAfter?: number;
}

export const page = (title: string, content: string) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><link rel="icon" href="data:,">${content}</html>`;

/** A page that runs one module. */
export const modulePage = (source: string): Answer => ({ body: page("module", `<script type="module" src="${source}"></script>`) });

const standing: Readonly<Record<string, Answer>> = {
  "/favicon.ico": { status: 204, body: "" },
  /** With `globalThis.kit`: inPage.ts. */
  "/kit.html": modulePage("/kit.js"),
  "/empty.html": { body: page("empty", "") },
};

let kit: Promise<string> | undefined;

export class Site {
  /** By path; may change between requests. */
  readonly answers: Record<string, Answer> = { ...standing };
  /** Sent with everything. */
  headers: Record<string, string> = {};
  /** Paths asked for so far, in order. */
  readonly requests: string[] = [];
  private readonly server = createServer((request, response) => void this.answer(request, response));

  /** Starts on a free port of 127.0.0.1. `folder` of the repository is what "/" shows. */
  static async start(folder = "."): Promise<Site> {
    kit ??= bundle('import "./test/browser/support/inPage.ts";');
    const site = new Site(folder);
    site.answers["/kit.js"] = { body: await kit };
    await new Promise<void>((resolve) => site.server.listen(0, "127.0.0.1", resolve));
    return site;
  }

  private constructor(private readonly folder: string) {}

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Headers that let a page share memory between threads. */
  isolate(): void {
    this.headers["Cross-Origin-Opener-Policy"] = "same-origin";
    this.headers["Cross-Origin-Embedder-Policy"] = "require-corp";
  }

  /** A Content-Security-Policy for everything. */
  restrict(policy: string): void {
    this.headers["Content-Security-Policy"] = policy;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(new URL(request.url!, this.origin).pathname);
    this.requests.push(path);
    const { status = 200, body, headers = {}, delay = 0, cutAfter } = this.answers[path] ?? {};
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    const bytes = body === undefined ? await this.file(path) : Buffer.from(body);
    if (bytes === undefined) {
      response.writeHead(404, { "Content-Type": "text/html; charset=utf-8", ...this.headers });
      response.end("<!doctype html><title>404</title><h1>not here</h1>");
      return;
    }
    const type = types[extname(path)] ?? "application/octet-stream";
    response.writeHead(status, { "Content-Type": type, "Content-Length": bytes.length, "Cache-Control": "no-cache", ...this.headers, ...headers });
    if (cutAfter === undefined) response.end(bytes);
    else response.write(bytes.subarray(0, cutAfter), () => setTimeout(() => response.destroy(), 50));
  }

  private async file(path: string): Promise<Buffer | undefined> {
    const name = normalize(path.endsWith("/") ? `${path}index.html` : path);
    return readFile(join(root, this.folder, name)).catch(() => undefined);
  }
}
