type ErrorKind = new (message: string, options?: ErrorOptions) => Error;

/** The answer of a server. Rejects with a `Kind` that begins with `where` when it cannot be reached or has an error to tell, and with the signal's reason. */
export async function fetched(url: string | URL, where: string, Kind: ErrorKind = Error, signal?: AbortSignal): Promise<Response> {
  const response = await fetch(url, { signal: signal ?? null }).catch((cause) => {
    signal?.throwIfAborted();
    throw new Kind(`${where} cannot be reached (offline, no such server, or not allowed for this page): ${cause.message}`, { cause });
  });
  if (!response.ok) throw new Kind(`${where} answered ${response.status} ${response.statusText}`.trimEnd());
  return response;
}
