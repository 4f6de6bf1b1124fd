/** Files of Node, safe against a crash at any moment. Nothing is imported before the first call. */
import { nodeModule } from "../nodeModule.ts";

/** A temp that nobody has written to for this long, and whose process is gone, is a leftover. Milliseconds. */
const STALE_AFTER = 60_000;

/**
 * Replaces or creates the file at `path`: at every moment it holds all of the old bytes or all of the new ones, and after the promise
 * resolves the new ones survive a power cut. A link is followed, the mode of an existing file kept; `path` may be a "file:" address.
 * Rejects with the reason and leaves the old file alone otherwise. A pipe or device is written to as it is.
 */
export async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const fs = await nodeModule("node:fs/promises");
  const { basename, dirname, join } = await nodeModule("node:path");
  try {
    const asked = path.startsWith("file:") ? (await nodeModule("node:url")).fileURLToPath(path) : path;
    const before = await fs.stat(asked).catch(() => undefined);
    if (before !== undefined && !before.isFile() && !before.isDirectory()) return await fs.writeFile(asked, bytes);
    const target = before === undefined ? await linkEnd(asked) : await fs.realpath(asked);
    const folder = dirname(target);
    // The temp's name is longer, and most file systems end at 255 bytes: a character takes up to four.
    const name = [...basename(target)].slice(0, 50).join("");
    await removeStaleTemps(folder, name);
    const temp = join(folder, `.${name}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`);
    const file = await fs.open(temp, "wx");
    try {
      try {
        if (before !== undefined) await file.chmod(before.mode & 0o777);
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await fs.rename(temp, target);
    } catch (reason) {
      await fs.rm(temp, { force: true });
      throw reason;
    }
    await syncFolder(folder);
  } catch (reason) {
    throw new Error(`cannot write ${path}: ${reason instanceof Error ? reason.message : reason}`, { cause: reason });
  }
}

/** Where a link leads to at whose end there is no file yet; any other path as it is. */
async function linkEnd(path: string): Promise<string> {
  const { readlink } = await nodeModule("node:fs/promises");
  const { dirname, resolve } = await nodeModule("node:path");
  let end = path;
  // As many links as Linux follows: they may be a ring.
  for (let links = 0; links < 40; links++) {
    const next = await readlink(end).catch(() => undefined);
    if (next === undefined) break;
    end = resolve(dirname(end), next);
  }
  return end;
}

/** The rename itself is on disk only after this. Windows cannot and need not; nor can who may not read the folder, and some network file systems. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const { open } = await nodeModule("node:fs/promises");
  try {
    const folder = await open(path, "r");
    await folder.sync().finally(() => folder.close());
  } catch (reason) {
    // The new file is there already.
    if (!["EACCES", "EPERM", "EINVAL", "ENOTSUP"].includes((reason as { code: string }).code)) throw reason;
  }
}

/** Removes what earlier writes of the same file left when their process was killed. Whatever cannot be removed stays. */
async function removeStaleTemps(folder: string, name: string): Promise<void> {
  const { readdir, rm, stat } = await nodeModule("node:fs/promises");
  const { join } = await nodeModule("node:path");
  for (const entry of await readdir(folder).catch(() => [])) {
    if (!entry.startsWith(`.${name}.`)) continue;
    const owner = /^(\d+)\.[0-9a-z]+\.tmp$/.exec(entry.slice(name.length + 2))?.[1];
    if (owner === undefined) continue;
    const temp = join(folder, entry);
    const age = await stat(temp).then(
      (found) => Date.now() - found.mtimeMs,
      () => 0,
    );
    // In a container every run may have the same number: then what is older than this run is not ours.
    const isLeft = Number(owner) === process.pid ? age > process.uptime() * 1000 : !isAlive(Number(owner));
    if (isLeft && age > STALE_AFTER) await rm(temp, { force: true }).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (reason) {
    return (reason as { code?: string }).code !== "ESRCH";
  }
}
