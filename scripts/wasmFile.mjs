/** Reads WebAssembly modules as scripts/ needs them: sections, functions by name, instructions. */

/** Sections of a module. */
const [CUSTOM, TYPE, FUNCTION, CODE] = [0, 1, 3, 10];
/** Subsection of the name section. */
const FUNCTION_NAMES = 1;

/** A module without its custom sections. */
export function withoutNames(wasm) {
  const kept = sectionsOf(wasm).filter(({ id }) => id !== CUSTOM);
  return Buffer.concat([wasm.subarray(0, 8), ...kept.map(({ start, end }) => wasm.subarray(start, end))]);
}

/** A module with the names of another one's functions, which has the same. */
export function withNamesOf(named, wasm) {
  const custom = sectionsOf(named).filter(({ id }) => id === CUSTOM);
  return Buffer.concat([wasm, ...custom.map(({ start, end }) => named.subarray(start, end))]);
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

/** What is before the code section, without names, and the functions: names, bodies, number of parameters. Nothing is imported but a memory. */
export function functionsOf(named) {
  const names = functionNames(named);
  const wasm = withoutNames(named);
  const code = sectionsOf(wasm).at(-1);
  if (code.id !== CODE) throw new Error(`kernels: the last section is number ${code.id}, needs ${CODE}`);
  const parameters = parameterCounts(wasm);
  let [count, at] = leb(wasm, code.body);
  const functions = [];
  for (let index = 0; count > 0; count--, index++) {
    const [length, body] = leb(wasm, at);
    functions.push({ name: names.get(index), body: wasm.subarray(body, body + length), parameters: parameters[index] });
    at = body + length;
  }
  return { head: wasm.subarray(0, code.start), functions };
}

/** By function. */
function parameterCounts(wasm) {
  const [types, functions] = [TYPE, FUNCTION].map((id) => sectionsOf(wasm).find((section) => section.id === id).body);
  const counts = [];
  let [left, at] = leb(wasm, types);
  for (; left > 0; left--) {
    const [parameters, first] = leb(wasm, at + 1);
    const [results, last] = leb(wasm, first + parameters);
    counts.push(parameters);
    at = last + results;
  }
  [left, at] = leb(wasm, functions);
  return Array.from({ length: left }, () => {
    const [type, next] = leb(wasm, at);
    at = next;
    return counts[type];
  });
}

/**
 * A body's locals, as they stand there and how many, and its instructions: `opcode` with the operands of one byte that nearly always are the same (block type,
 * alignment, lane, memory), then `operands`, each with the kind of its bytes.
 */
export function instructionsOf(body) {
  let [groups, at] = leb(body, 0);
  let localCount = 0;
  for (; groups > 0; groups--) {
    const [count, type] = leb(body, at);
    localCount += count;
    at = type + 1;
  }
  const locals = body.subarray(0, at);
  const instructions = [];
  while (at < body.length) {
    const start = at;
    const [prefix] = body.subarray(at++);
    let opcode = prefix;
    if (prefix >= 0xfc) [opcode, at] = leb(body, at);
    const { fixed, kinds } = shapeOf(prefix, opcode);
    at += fixed;
    const operands = [];
    const instruction = { prefix, opcode, bytes: body.subarray(start, at), operands };
    for (const kind of kinds) {
      const end = kind === "labels" ? labelsEnd(body, at) : typeof kind === "number" ? at + kind : leb(body, at)[1];
      operands.push({ kind: typeof kind === "number" ? "constant" : kind, bytes: body.subarray(at, end) });
      at = end;
    }
    instructions.push(instruction);
  }
  return { locals, localCount, instructions };
}

/** Bytes that go with the opcode, then operands: a number of bytes, or what a LEB128 stands for. */
function shapeOf(prefix, opcode) {
  const none = { fixed: 0, kinds: [] };
  const memory = { fixed: 1, kinds: ["offset"] };
  if (prefix === 0xfc) return { fixed: { 10: 2, 11: 1 }[opcode] ?? 0, kinds: [] };
  if (prefix === 0xfe) return opcode === 3 ? { fixed: 1, kinds: [] } : memory;
  if (prefix === 0xfd) {
    if (opcode <= 11 || opcode === 92 || opcode === 93) return memory;
    if (opcode === 12 || opcode === 13) return { fixed: 0, kinds: [16] };
    if (opcode >= 21 && opcode <= 34) return { fixed: 1, kinds: [] };
    return opcode >= 84 && opcode <= 91 ? { fixed: 1, kinds: ["offset", "number"] } : none;
  }
  if (prefix >= 0x02 && prefix <= 0x04) return { fixed: 1, kinds: [] };
  if (prefix === 0x0c || prefix === 0x0d) return { fixed: 0, kinds: ["number"] };
  if (prefix === 0x0e) return { fixed: 0, kinds: ["labels"] };
  if (prefix === 0x10) return { fixed: 0, kinds: ["number"] };
  if (prefix === 0x11) return { fixed: 0, kinds: ["number", "number"] };
  if (prefix >= 0x20 && prefix <= 0x22) return { fixed: 0, kinds: ["local"] };
  if (prefix === 0x23 || prefix === 0x24) return { fixed: 0, kinds: ["number"] };
  if (prefix >= 0x28 && prefix <= 0x3e) return memory;
  if (prefix === 0x3f || prefix === 0x40) return { fixed: 1, kinds: [] };
  if (prefix === 0x41 || prefix === 0x42) return { fixed: 0, kinds: ["number"] };
  if (prefix === 0x43 || prefix === 0x44) return { fixed: 0, kinds: [prefix === 0x43 ? 4 : 8] };
  return none;
}

function labelsEnd(body, at) {
  let [count, end] = leb(body, at);
  for (; count >= 0; count--) [, end] = leb(body, end);
  return end;
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
export function leb(bytes, at) {
  let value = 0;
  let shift = 0;
  do {
    value |= (bytes[at] & 127) << shift;
    shift += 7;
  } while (bytes[at++] > 127);
  return [value >>> 0, at];
}
