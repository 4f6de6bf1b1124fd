import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildSync } from "esbuild";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writeAtomically } from "../../src/formats/files.ts";
import { isFile, openFile } from "../../src/formats/source.ts";
import { readSafetensors } from "../support/safetensors.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "files-"));
  path = join(folder, "model.safetensors");
});
afterEach(() => rm(folder, { recursive: true }));

const OLD = Uint8Array.of(1, 2, 3);
const NEW = Uint8Array.of(4, 5, 6, 7);
const content = async (of = path) => new Uint8Array(await readFile(of));

describe("writeAtomically", () => {
  test("creates and replaces, and leaves nothing else", async () => {
    await writeAtomically(path, OLD);
    expect(await content()).toEqual(OLD);
    await writeAtomically(path, NEW);
    expect(await content()).toEqual(NEW);
    expect(await readdir(folder)).toEqual(["model.safetensors"]);
  });

  test("keeps the mode and follows a link", async () => {
    await writeFile(path, OLD);
    await chmod(path, 0o600);
    await symlink(path, join(folder, "link"));
    await writeAtomically(join(folder, "link"), NEW);
    expect(await content()).toEqual(NEW);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(["link", "model.safetensors"]);
  });

  test("follows a link to a file that is not there yet", async () => {
    await mkdir(join(folder, "run"));
    await symlink("run/model", join(folder, "latest"));
    await symlink("latest", path);
    await writeAtomically(path, NEW);
    expect(await content(join(folder, "run", "model"))).toEqual(NEW);
    expect(await readlink(path)).toBe("latest");
  });

  test("writes into a pipe, as into any device, and leaves it one", async () => {
    execFileSync("mkfifo", [path]);
    const [found] = await Promise.all([content(), writeAtomically(path, NEW)]);
    expect(found).toEqual(NEW);
    expect((await stat(path)).isFIFO()).toBe(true);
  });

  test("takes an address, as load does", async () => {
    const address = pathToFileURL(join(folder, "the model.safetensors")).href;
    await writeAtomically(address, NEW);
    expect(await content(join(folder, "the model.safetensors"))).toEqual(NEW);
    const source = await openFile(address);
    expect(source.length).toBe(NEW.length);
    source.close();
  });

  test("may write the same file many times at once", async () => {
    await Promise.all(Array.from({ length: 8 }, (_, index) => writeAtomically(path, new Uint8Array(1000).fill(index))));
    const found = await content();
    expect(found).toEqual(new Uint8Array(1000).fill(found[0]!));
    expect(await readdir(folder)).toEqual(["model.safetensors"]);
  });

  test("says what failed and leaves no temp", async () => {
    await expect(writeAtomically(join(folder, "none", "m"), OLD)).rejects.toThrow(/^cannot write .*none.m: ENOENT/);
    await mkdir(path);
    await expect(writeAtomically(path, OLD)).rejects.toThrow(/^cannot write .*model\.safetensors: E/);
    expect(await readdir(folder)).toEqual(["model.safetensors"]);
  });

  test("a name may be as long as the file system has it", async () => {
    for (const name of ["n".repeat(255), "é".repeat(127), "😀".repeat(63)]) {
      await writeAtomically(join(folder, name), OLD);
      expect(await content(join(folder, name))).toEqual(OLD);
    }
    expect((await readdir(folder)).length).toBe(3);
  });

  test("of a folder that may be written and not read succeeds", async () => {
    const script = bundled("writeOnly", WRITE_ONCE);
    const target = join(folder, "drop");
    await mkdir(target);
    await chmod(folder, 0o755);
    await chmod(target, 0o333);
    execFileSync(process.execPath, [script, join(target, "model")]);
    expect(await content(join(target, "model"))).toEqual(NEW);
  });

  test("removes old temps of dead processes and no other file", async () => {
    const dead = spawn(process.execPath, ["-e", ""]);
    await new Promise((resolve) => dead.on("exit", resolve));
    const old = new Date(Date.now() - 3_600_000 * 24 * 365);
    const names = {
      left: `.model.safetensors.${dead.pid}.abc0.tmp`,
      fresh: `.model.safetensors.${dead.pid}.abc1.tmp`,
      ofAnEarlierRun: `.model.safetensors.${process.pid}.abc2.tmp`,
      ofTheLiving: `.model.safetensors.${process.ppid}.abc3.tmp`,
      ofAnother: `.other.safetensors.${dead.pid}.abc4.tmp`,
      ofTheUser: ".model.safetensors.notes.tmp",
    };
    for (const [kind, name] of Object.entries(names)) {
      await writeFile(join(folder, name), "");
      if (kind !== "fresh") await utimes(join(folder, name), old, old);
    }
    await writeAtomically(path, NEW);
    const { left: _left, ofAnEarlierRun: _run, ...kept } = names;
    expect((await readdir(folder)).sort()).toEqual([...Object.values(kept), "model.safetensors"].sort());
  });
});

describe("openFile", () => {
  test("waits for who writes into a pipe, on this very thread", () => {
    execFileSync("mkfifo", [path]);
    const script = bundled("pipe", PIPE);
    expect(execFileSync(process.execPath, [script, path], { encoding: "utf8", timeout: 10_000 })).toBe("4,5,6,7");
  });

  test("names a folder as one", async () => {
    await expect(openFile(folder)).rejects.toThrow(`load: ${folder} is a folder, needs a file`);
  });

  test("of a file that is too large opens nothing", async () => {
    await writeFile(path, NEW);
    const descriptors = async () => (await readdir("/proc/self/fd")).length;
    const before = await descriptors();
    for (let round = 0; round < 20; round++) {
      await expect(openFile(path, { maxBytes: 3 })).rejects.toThrow(`load: ${path} has 4 bytes or more, maxBytes is 3`);
    }
    expect(await descriptors()).toBeLessThan(before + 10);
  });

  test("of a device without an end stops at maxBytes", async () => {
    await expect(openFile("/dev/zero", { maxBytes: 2 ** 20 })).rejects.toThrow(/^load: \/dev\/zero has \d+ bytes or more, maxBytes is 1048576$/);
  });

  test("addresses are told from paths however they are spelt", () => {
    expect(["http://a/b", "HTTPS://a/b", "Blob:x", "DATA:,x"].map(isFile)).toEqual([false, false, false, false]);
    expect(["a/b", "/http:", "File:///a"].map(isFile)).toEqual([true, true, true]);
  });
});

/** Reads from a pipe what it writes into it. */
const PIPE = `
import { writeAtomically } from "./src/formats/files.ts";
import { openFile } from "./src/formats/source.ts";
const [source] = await Promise.all([openFile(process.argv[2]), writeAtomically(process.argv[2], Uint8Array.of(4, 5, 6, 7))]);
const found = new Uint8Array(source.length);
await source.read(0, [found]);
process.stdout.write(String(found));
`;

const WRITE_ONCE = `
import { writeAtomically } from "./src/formats/files.ts";
// Root may read everything: then nobody writes, once all that root's folders hold is loaded.
if (process.getuid?.() === 0) process.seteuid(65534);
await writeAtomically(process.argv[2], Uint8Array.of(4, 5, 6, 7));
`;

/** Saves version 1, 2, 3 … of a file without a pause, each full of its number, and says when the first is there. */
const WRITER = `
import { writeAtomically } from "./src/formats/files.ts";
import { writeSafetensors } from "./src/formats/safetensors.ts";
for (let version = 1; ; version++) {
  const data = new Float32Array(50_000).fill(version);
  await writeAtomically(process.argv[2], writeSafetensors([{ name: "w", dtype: "F32", shape: [50_000], data }]));
  if (version === 1) process.stdout.write("ready");
}
`;

test("a writer killed at any moment leaves a whole file", async () => {
  const script = bundled("writer", WRITER);
  for (let kill = 0; kill < 20; kill++) {
    const child = spawn(process.execPath, [script, path], { stdio: ["ignore", "pipe", "inherit"] });
    await ready(child);
    await new Promise((resolve) => setTimeout(resolve, kill * 1.7));
    const exited = new Promise((resolve) => child.on("exit", (_code, signal) => resolve(signal)));
    child.kill("SIGKILL");
    expect(await exited).toBe("SIGKILL");
    const { data } = readSafetensors(await readFile(path)).tensors.get("w")!;
    expect(data[0]).toBeGreaterThan(0);
    expect(data.every((value) => value === data[0])).toBe(true);
  }
  const old = new Date(Date.now() - 3_600_000);
  const temps = (await readdir(folder)).filter((name) => name.endsWith(".tmp"));
  expect(temps.length, "kills in the middle of a write").toBeGreaterThan(0);
  for (const temp of temps) await utimes(join(folder, temp), old, old);
  await writeAtomically(path, NEW);
  expect((await readdir(folder)).sort()).toEqual(["model.safetensors", "writer.mjs"]);
});

/** A script with what it imports, in the test's folder. */
function bundled(name: string, contents: string): string {
  const outfile = join(folder, `${name}.mjs`);
  const stdin = { contents, resolveDir: process.cwd(), loader: "ts" } as const;
  buildSync({ stdin, outfile, bundle: true, platform: "node", format: "esm", logLevel: "error" });
  return outfile;
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("exit", (code) => reject(new Error(`the writer ended with ${code}`)));
  });
}
