/**
 * Strict and relaxed kernels as one text. They differ in few instructions, so each function of the one stands beside its twin of the
 * other, where the compressor sees it: 40 % less than two texts. src/machine/unpackKernels.ts takes it apart.
 */
import { deflateRawSync } from "node:zlib";

/** Sections of a module: custom, code. */
const CUSTOM = 0;
const CODE = 10;
/** Subsection of the name section. */
const FUNCTION_NAMES = 1;
/** Bits of the modules a piece belongs to. */
const [STRICT, RELAXED] = [1, 2];

/** Deflated, in base64. Each piece: a little-endian word, length × 4 + the modules it belongs to, then its bytes. */
export function packKernels({ strict, relaxed }) {
  const pieces = [];
  const add = (modules, bytes) => {
    const word = Buffer.alloc(4);
    word.writeUInt32LE(bytes.length * 4 + modules);
    pieces.push(word, bytes);
  };
  const [left, right] = [functionsOf(strict), functionsOf(relaxed)];
  add(STRICT, left.head);
  add(RELAXED, right.head);
  for (const [a, b] of paired(left.functions, right.functions)) {
    if (a !== undefined && b !== undefined && a.bytes.equals(b.bytes)) add(STRICT + RELAXED, a.bytes);
    else {
      if (a !== undefined) add(STRICT, a.bytes);
      if (b !== undefined) add(RELAXED, b.bytes);
    }
  }
  return deflateRawSync(Buffer.concat(pieces), { level: 9 }).toString("base64");
}

/** A module without its custom sections. */
export function withoutNames(wasm) {
  const kept = sectionsOf(wasm).filter(({ id }) => id !== CUSTOM);
  return Buffer.concat([wasm.subarray(0, 8), ...kept.map(({ start, end }) => wasm.subarray(start, end))]);
}

/** A module with a custom section more. */
export function withNote(wasm, name, text) {
  const content = [name.length, ...Buffer.from(name), ...Buffer.from(text)];
  if (content.length > 127) throw new Error(`kernels: a note of ${content.length} bytes; its length has one byte here`);
  return Buffer.concat([wasm, Buffer.from([CUSTOM, content.length, ...content])]);
}

/**
 * asc gives a module with atomics for a shared memory only: limits 3, "shared with a maximum". They do as well on an unshared one,
 * limits 1, which is what a page streams. The host makes the shared twin.
 */
export function unshared(wasm) {
  const name = Buffer.from("\x03env\x06memory\x02");
  const at = wasm.indexOf(name) + name.length;
  if (at < name.length || (wasm[at] !== 3 && wasm[at] !== 1)) throw new Error("kernels: no memory import with a maximum");
  const copy = Buffer.from(wasm);
  copy[at] = 1;
  return copy;
}

/** Functions of both in order; a function that only one has stands alone. */
function paired(left, right) {
  const pairs = [];
  let next = 0;
  for (const a of left) {
    const twin = right.findIndex(({ name }, index) => index >= next && name === a.name);
    if (twin < 0) pairs.push([a, undefined]);
    else {
      for (; next < twin; next++) pairs.push([undefined, right[next]]);
      pairs.push([a, right[next++]]);
    }
  }
  for (; next < right.length; next++) pairs.push([undefined, right[next]]);
  return pairs;
}

/** What is before the first function's body, without names, and the bodies with theirs. The code section is the last one. */
function functionsOf(named) {
  const names = functionNames(named);
  const wasm = withoutNames(named);
  const code = sectionsOf(wasm).at(-1);
  if (code.id !== CODE) throw new Error(`kernels: the last section is number ${code.id}, needs ${CODE}`);
  let [count, at] = leb(wasm, code.body);
  const head = wasm.subarray(0, at);
  const functions = [];
  for (let index = 0; count > 0; count--, index++) {
    const [length, body] = leb(wasm, at);
    functions.push({ name: names.get(index), bytes: wasm.subarray(at, body + length) });
    at = body + length;
  }
  return { head, functions };
}

function functionNames(wasm) {
  const names = new Map();
  for (const { id, body, end } of sectionsOf(wasm)) {
    let [length, at] = leb(wasm, body);
    if (id !== CUSTOM || wasm.toString("latin1", at, at + length) !== "name") continue;
    at += length;
    while (at < end) {
      const kind = wasm[at];
      const [size, start] = leb(wasm, at + 1);
      at = start + size;
      if (kind !== FUNCTION_NAMES) continue;
      let [count, entry] = leb(wasm, start);
      for (; count > 0; count--) {
        const [index, afterIndex] = leb(wasm, entry);
        [length, entry] = leb(wasm, afterIndex);
        names.set(index, wasm.toString("utf8", entry, entry + length));
        entry += length;
      }
    }
  }
  return names;
}

function sectionsOf(wasm) {
  const sections = [];
  for (let at = 8; at < wasm.length; at = sections.at(-1).end) {
    const [length, body] = leb(wasm, at + 1);
    sections.push({ id: wasm[at], start: at, body, end: body + length });
  }
  return sections;
}

/** [value, where it ends] of an unsigned LEB128. */
function leb(bytes, at) {
  let value = 0;
  let shift = 0;
  do {
    value |= (bytes[at] & 127) << shift;
    shift += 7;
  } while (bytes[at++] > 127);
  return [value >>> 0, at];
}
