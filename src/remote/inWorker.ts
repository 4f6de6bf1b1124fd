/** Puts a model into a worker. A page without one does not load this file, nor what it imports; a worker may load it for `serveModels`. */
import type { RestoreOptions } from "../restore.ts";
import { connect } from "./connect.ts";
import type { Library } from "./library.ts";
import { RemoteModel } from "./remoteModel.ts";
import type { WorkerOption } from "./workerOption.ts";

export { serveModels } from "./host.ts";

/** The worker starts while the file is on its way. */
export async function startInWorker(
  file: Promise<{ readonly bytes: Uint8Array; readonly where: string }>,
  { worker, ...options }: RestoreOptions & { readonly worker: WorkerOption },
  library: Library,
): Promise<RemoteModel> {
  const connecting = connect(worker, library);
  const given = Object.fromEntries(Object.entries({ ...options, wasm: addressed(options.wasm) }).filter(([, value]) => value !== undefined));
  try {
    const { bytes, where } = await file;
    return await RemoteModel.create(await connecting, bytes, where, given);
  } catch (reason) {
    connecting.then(({ release }) => release()).catch(() => {});
    throw reason;
  }
}

/** Addresses as they are seen from a worker, whose file may lie elsewhere. */
function addressed(wasm: RestoreOptions["wasm"]): RestoreOptions["wasm"] {
  if (typeof wasm !== "object" || wasm === null) return wasm;
  const whole = (source: unknown) => (typeof source === "string" || source instanceof URL ? new URL(source, location.href).href : source);
  return Object.fromEntries(Object.entries(wasm).map(([name, source]) => [name, whole(source)])) as unknown as RestoreOptions["wasm"];
}
