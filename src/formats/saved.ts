/** What a browser keeps. The code for it is loaded when it is asked for. */

/** Paths of everything saved in this browser for this origin, as `load` takes them. */
export async function savedModels(): Promise<string[]> {
  const { savedPaths } = await import("./storage.ts");
  return savedPaths();
}

/** Deletes what was saved under a path of this browser; nothing happens when there is none. */
export async function deleteSaved(path: string): Promise<void> {
  const { deletePath } = await import("./storage.ts");
  return deletePath(path);
}
