/** What there is to say of the browser that the page runs in. */
import { supportsRelaxed } from "../../src/machine/wasm.ts";

/** Of the browsers that call themselves by several names the most particular one. */
const BROWSERS: readonly (readonly [string, RegExp])[] = [
  ["Edge", /Edg\/(\d+)/],
  ["Opera", /OPR\/(\d+)/],
  ["Samsung Internet", /SamsungBrowser\/(\d+)/],
  ["Firefox", /(?:Firefox|FxiOS)\/(\d+)/],
  ["Chrome", /(?:Chrome|CriOS)\/(\d+)/],
  ["Safari", /Version\/(\d+).*Safari/],
];

/** "Firefox 153"; what the browser calls itself where it is none that we know. */
export function browserName(agent: string): string {
  for (const [name, expression] of BROWSERS) {
    const version = expression.exec(agent)?.[1];
    if (version !== undefined) return `${name} ${version}`;
  }
  return agent;
}

/** Smallest step of the clock, in milliseconds: browsers make it coarse. */
export function clockStep(now: () => number): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let step = 0; step < 5; step++) {
    const before = now();
    let after = before;
    while (after === before) after = now();
    smallest = Math.min(smallest, after - before);
  }
  return smallest;
}

/** Whether threads can be run. */
export const THREADS = "yes";

/** THREADS, or why there are none. */
export function threadsFact({ isolated, cores }: { readonly isolated: boolean; readonly cores: number }): string {
  if (!isolated) return "not run: the page is not cross-origin isolated (its server must send the headers COOP and COEP)";
  return cores < 2 ? "not run: there is one core" : THREADS;
}

export interface Fact {
  readonly name: string;
  readonly value: string;
}

export function facts(): Fact[] {
  const cores = navigator.hardwareConcurrency;
  const step = clockStep(() => performance.now());
  return [
    { name: "Browser", value: browserName(navigator.userAgent) },
    { name: "Cores", value: String(cores) },
    { name: "Clock", value: `steps of ${step < 1 ? `${Math.round(1000 * step)} µs` : `${step.toFixed(0)} ms`}` },
    { name: "SIMD", value: hasSimd() ? "yes" : "no: plain JavaScript alone can run" },
    { name: "Relaxed SIMD", value: supportsRelaxed() ? "yes" : "no" },
    { name: "Threads", value: threadsFact({ isolated: globalThis.crossOriginIsolated, cores }) },
  ];
}

/** (module (func (result v128) … i8x16.splat)) */
const SIMD_PROBE = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11]);

function hasSimd(): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(SIMD_PROBE);
}
