/** Reads the x86-64 code that V8 prints with --print-wasm-code: functions, their blocks, their innermost loops. */

const INSTRUCTION = /^0x[0-9a-f]+ +([0-9a-f]+) +[0-9a-f]+ +(?:REX\.W +)?([a-z]\S*) *(.*)$/;
/** Lane by lane on floats; moves, broadcasts and single-lane forms are none. */
const ARITHMETIC = /^v?(?:f(?:n?m)(?:add|sub)\d*|mul|add|sub|div|sqrt|max|min|cmp(?:[a-z]*))p[sd]$/;
const MULTIPLICATION = /^v?(?:f(?:n?m)(?:add|sub)\d*|mul)p[sd]$/;
const ON_STACK = /\[r[bs]p\b/;
/** Scalars that pass through a vector register. */
const ONE_LANE = /(?:s[sd]|mov[dq])$/;
/** `cmpq rsp,[…]; jna …`: the stack check of every loop. What it leads to saves all registers, and is never reached. */
const STACK_CHECK = /^rsp,/;

/**
 * @typedef {{ offset: number, name: string, operands: string, target?: number }} Instruction
 * @typedef {{ instructions: Instruction[], next: number[] }} Block
 * @typedef {{ compiler: string, code: string[] }} Printed
 */

/** Name → what was printed of it. @returns {Map<string, Printed>} */
export function printedFunctions(text) {
  const functions = new Map();
  for (const part of text.split("--- WebAssembly code ---\n").slice(1)) {
    const name = /^name: (.*)$/m.exec(part)?.[1];
    const compiler = /^compiler: (.*)$/m.exec(part)?.[1] ?? "";
    const start = part.indexOf("\nInstructions (size");
    if (name === undefined || start < 0) continue;
    const code = part.slice(part.indexOf("\n", start + 1) + 1).split("\n");
    const end = code.indexOf("");
    functions.set(name, { compiler, code: end < 0 ? code : code.slice(0, end) });
  }
  return functions;
}

/**
 * The innermost loops that compute with vectors. Instructions are counted without padding; a spill is any move or operand of
 * a whole vector register on the stack.
 * @param {Printed} printed
 */
export function hotLoops({ code }) {
  const blocks = blocksOf(code);
  return innermostLoops(blocks)
    .map((loop) => count([...loop].flatMap((offset) => blocks.get(offset).instructions)))
    .filter(({ arithmetic }) => arithmetic > 0);
}

function count(instructions) {
  const counts = { instructions: 0, arithmetic: 0, multiplications: 0, stores: 0, loads: 0 };
  for (const { name, operands } of instructions) {
    if (name === "nop") continue;
    counts.instructions++;
    if (ARITHMETIC.test(name)) counts.arithmetic++;
    if (MULTIPLICATION.test(name)) counts.multiplications++;
    if (!operands.includes("xmm") || !ON_STACK.test(operands) || ONE_LANE.test(name)) continue;
    if (operands.startsWith("[")) counts.stores++;
    else counts.loads++;
  }
  return counts;
}

/** Offset → basic block; those behind a stack check lack an edge to them. @returns {Map<number, Block>} */
function blocksOf(code) {
  const instructions = code.map((line) => INSTRUCTION.exec(line)).filter((match) => match !== null);
  const decoded = instructions.map(([, offset, name, operands]) => {
    const target = /<\+0x([0-9a-f]+)>/.exec(operands)?.[1];
    const isJump = name.startsWith("j") && target !== undefined;
    return { offset: Number.parseInt(offset, 16), name, operands, ...(isJump && { target: Number.parseInt(target, 16) }) };
  });
  const start = /^0x([0-9a-f]+) +0 /.exec(code[0] ?? "")?.[1];
  const table = code.flatMap((line) => / ([0-9a-f]+) +jump table entry/.exec(line)?.[1] ?? []);
  const tableTargets = table.map((address) => Number(BigInt(`0x${address}`) - BigInt(`0x${start}`)));
  const leaders = new Set([0, ...tableTargets]);
  decoded.forEach(({ name, target }, index) => {
    if (target !== undefined) leaders.add(target);
    if (endsBlock(name) && index + 1 < decoded.length) leaders.add(decoded[index + 1].offset);
  });
  /** @type {Map<number, Block>} */
  const blocks = new Map();
  let block;
  decoded.forEach((instruction, index) => {
    if (leaders.has(instruction.offset)) {
      block = { instructions: [], next: [] };
      blocks.set(instruction.offset, block);
    }
    block.instructions.push(instruction);
    const following = decoded[index + 1]?.offset;
    if (following === undefined || leaders.has(following)) block.next = successors(decoded, index, tableTargets);
  });
  return blocks;
}

function endsBlock(name) {
  return name.startsWith("j") || /^(?:ret|int3|ud2)/.test(name);
}

function successors(decoded, index, tableTargets) {
  const { name, target } = decoded[index];
  const following = decoded[index + 1]?.offset;
  if (/^(?:ret|int3|ud2)/.test(name)) return [];
  if (name === "jmp") return target === undefined ? tableTargets : [target];
  if (target === undefined) return following === undefined ? [] : [following];
  const before = decoded[index - 1];
  const isStackCheck = name === "jna" && before?.name.startsWith("cmp") && STACK_CHECK.test(before.operands);
  return isStackCheck ? [following] : [target, following];
}

/** Sets of blocks. A loop is what reaches itself; without the edges into its header only its inner loops still do. */
function innermostLoops(blocks) {
  const reached = reachable(blocks);
  const edges = new Map([...reached].map((offset) => [offset, blocks.get(offset).next.filter((next) => reached.has(next))]));
  const loops = [];
  const search = (edges) => {
    const cycles = stronglyConnected(edges);
    for (const cycle of cycles) {
      const header = headerOf(cycle, edges);
      const inner = new Map([...cycle].map((offset) => [offset, edges.get(offset).filter((next) => next !== header && cycle.has(next))]));
      if (search(inner) === 0) loops.push(cycle);
    }
    return cycles.length;
  };
  search(edges);
  return loops;
}

function reachable(blocks) {
  const reached = new Set();
  const waiting = [0];
  while (waiting.length > 0) {
    const offset = waiting.pop();
    if (reached.has(offset) || !blocks.has(offset)) continue;
    reached.add(offset);
    waiting.push(...blocks.get(offset).next);
  }
  return reached;
}

/** The block that the loop is entered at. */
function headerOf(cycle, edges) {
  for (const [offset, next] of edges) {
    if (!cycle.has(offset)) for (const target of next) if (cycle.has(target)) return target;
  }
  return Math.min(...cycle);
}

/** Those that hold a cycle. Tarjan, "Depth-first search and linear graph algorithms", 1972. */
function stronglyConnected(edges) {
  const index = new Map();
  const low = new Map();
  const stack = [];
  const onStack = new Set();
  const found = [];
  const visit = (offset) => {
    index.set(offset, index.size);
    low.set(offset, index.get(offset));
    stack.push(offset);
    onStack.add(offset);
    for (const next of edges.get(offset)) {
      if (!index.has(next)) visit(next);
      if (onStack.has(next)) low.set(offset, Math.min(low.get(offset), low.get(next)));
    }
    if (low.get(offset) !== index.get(offset)) return;
    const component = new Set(stack.splice(stack.indexOf(offset)));
    for (const member of component) onStack.delete(member);
    if (component.size > 1 || edges.get(offset).includes(offset)) found.push(component);
  };
  for (const offset of edges.keys()) if (!index.has(offset)) visit(offset);
  return found;
}
