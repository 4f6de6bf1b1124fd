/** Training that the eye can follow: a few steps per picture, never more than a slice of the main thread. */
import { prefersStill } from "../ui/dom.ts";

/** Milliseconds of a picture's 16 that training may take. */
const SLICE = 6;
/** Milliseconds between two pictures for people who want less motion. */
const STILL_PACE = 500;

export type Speed = "slow" | "normal" | "fast";

/** Milliseconds between pictures, and steps per picture. */
const SPEEDS: Readonly<Record<Speed, { readonly pace: number; readonly steps: number }>> = {
  slow: { pace: 250, steps: 1 },
  normal: { pace: 0, steps: 2 },
  fast: { pace: 0, steps: 1000 },
};

export interface Training {
  /** One step of training. */
  step(): Promise<void>;
  /** The picture is drawn before the next steps. */
  show(): Promise<void>;
  speed(): Speed;
}

/** Until `steps` are done or `signal` aborts. Returns the steps done. */
export async function trainVisibly(training: Training, steps: number, signal: AbortSignal): Promise<number> {
  let done = 0;
  while (done < steps && !signal.aborted) {
    const { pace, steps: perPicture } = SPEEDS[training.speed()];
    // As quick for people who want less motion, but with fewer pictures.
    const next = performance.now() + (prefersStill() ? STILL_PACE - pace : 0);
    let hidden = 0;
    do {
      hidden += await slice(training, Math.min(perPicture, steps - done - hidden));
      await nextPicture(pace, signal);
    } while (performance.now() < next && done + hidden < steps && !signal.aborted);
    done += hidden;
    await training.show();
  }
  return done;
}

async function slice(training: Training, steps: number): Promise<number> {
  const end = performance.now() + SLICE;
  let done = 0;
  do {
    await training.step();
    done++;
  } while (done < steps && performance.now() < end);
  return done;
}

function nextPicture(pause: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (pause === 0) return void requestAnimationFrame(() => resolve());
    const timer = setTimeout(resolve, pause);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Repeats steps of training without showing them, in slices, until `isUnwanted`. */
export async function trainUnseen(step: () => Promise<void>, steps: number, isUnwanted: () => boolean): Promise<void> {
  for (let done = 0; done < steps && !isUnwanted(); ) {
    const end = performance.now() + SLICE;
    while (done < steps && performance.now() < end) {
      await step();
      done++;
    }
    await new Promise((resolve) => setTimeout(resolve));
  }
}
