/**
 * How one side learns that a worker is gone: browsers tell nobody when one is ended. The worker holds a lock of the page's origin as long as
 * it lives, whatever ends it; who waits for the lock gets it then.
 */

/** A name no other worker has. */
export function newLock(): string {
  return `convlet worker ${Date.now().toString(36)} ${Math.random().toString(36).slice(2)}`;
}

function manager(): LockManager | undefined {
  // Pages that came over plain http have none.
  return typeof navigator === "undefined" ? undefined : navigator.locks;
}

/** In the worker: resolves when it holds the lock, which it does to its end. */
export function hold(lock: string): Promise<void> {
  const held = manager();
  if (held === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const holding = held.request(lock, () => {
      resolve();
      return new Promise(() => {});
    });
    // A sandboxed frame, which is of no origin, is refused.
    holding.catch(resolve);
  });
}

/** On the other side, once the worker holds it. Never calls where there are no locks. */
export function whenReleased(lock: string, call: () => void): void {
  manager()
    ?.request(lock, call)
    .catch(() => {});
}

export const hasLocks = () => manager() !== undefined;
