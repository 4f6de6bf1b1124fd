/** Files of Node, safe against a crash at any moment. Nothing is imported before the first call. */
import { nodeModule } from "../nodeModule.ts";

/** A temp that nobody has written to for this long, and whose process is gone, is a leftover. Milliseconds. */
const STALE_AFTER = 60_000;

/**
 * Replaces or creates the file at `path`: at every moment it holds all of the old bytes or all of the new ones, and after the promise
 * resolves the new ones survive a power cut. A link is followed, the mode of an existing file kept. Rejects with the reason and leaves
 * the old file alone otherwise.
 */
export async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const fs = await nodeModule("node:fs/promises");
  const { basename, dirname, join } = await nodeModule("node:path");
  try {
    const target = await fs.realpath(path).catch(() => path);
    const folder = dirname(target);
    const name = basename(target);
    await removeStaleTemps(folder, name);
    const before = await fs.stat(target).catch(() => undefined);
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

/** The rename itself is on disk only after this. Windows cannot and need not. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const { open } = await nodeModule("node:fs/promises");
  const folder = await open(path, "r");
  await folder.sync().finally(() => folder.close());
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
