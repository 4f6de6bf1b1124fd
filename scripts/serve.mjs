/** A web server for a folder of static files, for this machine alone. */
import { createReadStream, realpathSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, sep } from "node:path";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
};
const UNKNOWN = "application/octet-stream";

/** What gives a page SharedArrayBuffer. */
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** Nothing from another host, and nothing to one. */
const POLICY = "default-src 'self' data: blob: 'unsafe-inline' 'wasm-unsafe-eval'; base-uri 'none'; form-action 'none'";

const DEFAULT_PORT = 8080;

/** Listens on 127.0.0.1. Without a port: 8080, or any free one where that is taken. Returns the server and its address, which ends with "/". */
export async function serveFolder(folder, { port, isolation = "isolated" } = {}) {
  const server = folderServer(folder, isolation);
  await listen(server, port ?? DEFAULT_PORT).catch((reason) => {
    if (port !== undefined || reason.code !== "EADDRINUSE") throw reason;
    return listen(server, 0);
  });
  return { server, url: `http://127.0.0.1:${server.address().port}/` };
}

function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** `isolation`: "isolated" or "none". */
export function folderServer(folder, isolation) {
  const top = realpathSync(folder);
  return createServer((request, response) => {
    const headers = { ...(isolation === "isolated" && ISOLATION), "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff" };
    const answer = (status, more, text = "") => response.writeHead(status, { ...headers, ...more }).end(request.method === "HEAD" ? "" : text);
    const plain = { "Content-Type": TYPES[".txt"] };
    if (request.method !== "GET" && request.method !== "HEAD") return answer(405, { ...plain, Allow: "GET, HEAD" }, "Only GET and HEAD.\n");
    const found = find(top, request.url);
    if (found === undefined) return answer(404, plain, "There is no such file.\n");
    if (found.redirect !== undefined) return answer(308, { Location: found.redirect });
    const tag = `"${found.size.toString(36)}-${Math.round(found.mtimeMs).toString(36)}"`;
    // The browser keeps files and asks each time whether they have changed.
    const caching = { ETag: tag, "Cache-Control": "no-cache" };
    if (request.headers["if-none-match"] === tag) return answer(304, caching);
    const type = TYPES[extname(found.path)] ?? UNKNOWN;
    response.writeHead(200, { ...headers, ...caching, "Content-Type": type, "Content-Length": found.size });
    if (request.method === "HEAD") return response.end();
    createReadStream(found.path)
      .on("error", () => response.destroy())
      .pipe(response);
  });
}

/** The file that a request means, links resolved; undefined when there is none below `top`. A folder is its index.html, under a name that ends with "/". */
function find(top, url) {
  try {
    // "//host/path" and "http://host/path" are questions to another server.
    if (!/^\/(?!\/)/.test(url)) return undefined;
    const { pathname, search } = new URL(url, "http://localhost");
    const wanted = decodeURIComponent(pathname);
    if (wanted.includes("\0")) return undefined;
    const path = realpathSync(join(top, wanted));
    if (path !== top && !path.startsWith(top + sep)) return undefined;
    const about = statSync(path);
    if (about.isFile()) return wanted.endsWith("/") ? undefined : { path, size: about.size, mtimeMs: about.mtimeMs };
    // Relative, so that a name like //host cannot lead elsewhere.
    if (!wanted.endsWith("/")) return { redirect: `./${encodeURIComponent(path.split(sep).at(-1))}/${search}` };
    const index = realpathSync(join(path, "index.html"));
    const { size, mtimeMs } = statSync(index);
    return index.startsWith(top + sep) ? { path: index, size, mtimeMs } : undefined;
  } catch {
    return undefined;
  }
}
