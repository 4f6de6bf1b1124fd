/**
 * Puts the modules of kernels together from the streams that scripts/packKernels.mjs took the relaxed one apart into: a program of its own, a few
 * hundred bytes, for what V8 would first interpret takes ten times as long as what it compiles at once. The strict module is the relaxed
 * one with a product and a sum, each rounded, for every fused one.
 */

/** Of each token the address where it is described: an opcode's length, the opcode with operands that belong to it, the form of what follows. */
const TOKENS: usize = 0;
/** Of each function the number of its instructions. */
const COUNTS: usize = 1024;
/** Locals of a function, that used last first. */
const RECENT: usize = 2048;
/** Where the next byte of each stream stands. */
const CURSORS: usize = 3072;
/** Here the host puts what was packed: the lengths of all streams but the last, then the streams. */
const PACKED: usize = 4096;

const MOST_LOCALS: usize = 128;

/** What describes modules and functions, then what instructions are made of. */
enum Stream {
  frame,
  opcodes,
  locals,
  offsets,
  numbers,
  constants,
}

/** What follows an opcode: a local, or a number of the stream that this is, or as below. */
namespace Form {
  /** The instruction itself is another one in the strict module. */
  export const fusedSum = 6;
  export const fusedDifference = 7;
  /** From here on so many bytes. */
  export const constant = 8;
  /** From here on the local that so many others were used since. */
  export const recent = 32;
}

/** Of WebAssembly. Those of SIMD are two bytes after their prefix, the second one 1. */
namespace Opcode {
  export const localGet = 0x20;
  export const localSet = 0x21;
  export const simd = 0xfd;
  export const add = 0xe4;
  export const subtract = 0xe5;
  export const multiply = 0xe6;
}
const CODE_SECTION: u32 = 10;
const V128: u32 = 0x7b;
/** Bytes of a length that is written before it is known. */
const LENGTH: usize = 4;

/** Where the next byte of the module goes. */
let to: usize = 0;

function cursorOf(stream: Stream): usize {
  return CURSORS + (<usize>stream << 2);
}

// @ts-ignore: decorator
@inline
function next(stream: Stream): u32 {
  const at = load<usize>(cursorOf(stream));
  store<usize>(cursorOf(stream), at + 1);
  return load<u8>(at);
}

/** Unsigned LEB128. */
function frameNumber(): u32 {
  let value: u32 = 0;
  let shift = 0;
  let byte: u32;
  do {
    byte = next(Stream.frame);
    value |= (byte & 127) << shift;
    shift += 7;
  } while (byte > 127);
  return value;
}

function put(byte: u32): void {
  store<u8>(to++, byte);
}

/** A LEB128 as it is. */
function putNumber(stream: Stream): void {
  let from = load<usize>(cursorOf(stream));
  let byte: u32;
  do {
    byte = load<u8>(from++);
    put(byte);
  } while (byte > 127);
  store<usize>(cursorOf(stream), from);
}

/** Returns where they end. */
function putAll(from: usize, length: u32): usize {
  for (; length > 0; length--) store<u8>(to++, load<u8>(from++));
  return from;
}

function putNext(stream: Stream, length: u32): void {
  store<usize>(cursorOf(stream), putAll(load<usize>(cursorOf(stream)), length));
}

/** How many bytes were written behind `at`, where room for that number was left: as a LEB128 with leading zeros. */
function putLength(at: usize): void {
  let value = to - at - LENGTH;
  for (let index: usize = 0; index < LENGTH; index++, value >>>= 7) store<u8>(at + index, (value & 127) | (index < LENGTH - 1 ? 128 : 0));
}

/** Of the `length` bytes that were packed makes a module, behind them. Returns its end. */
export function unpack(length: usize, isFused: bool): usize {
  findStreams();
  to = PACKED + length;
  putNext(Stream.frame, frameNumber());
  for (let token: usize = TOKENS, end = token + 4 * frameNumber(); token < end; token += 4) {
    const at = load<usize>(cursorOf(Stream.frame));
    store<usize>(token, at);
    store<usize>(cursorOf(Stream.frame), at + 2 + load<u8>(at));
  }
  put(CODE_SECTION);
  const section = to;
  to += LENGTH;
  const count = frameNumber();
  put(count);
  for (let index: u32 = 0; index < count; index++) store<u32>(COUNTS + 4 * index, frameNumber());
  for (let index: u32 = 0; index < count; index++) {
    const body = to;
    to += LENGTH;
    putFunction(load<u32>(COUNTS + 4 * index), isFused);
    putLength(body);
  }
  putLength(section);
  return to;
}

/** The first stream is behind the lengths, each other one where that before it ends. */
function findStreams(): void {
  store<usize>(cursorOf(Stream.frame), PACKED);
  for (let stream = Stream.opcodes; stream <= Stream.constants; stream++) store<usize>(cursorOf(stream), frameNumber());
  for (let stream = Stream.opcodes; stream <= Stream.constants; stream++) {
    store<usize>(cursorOf(stream), load<usize>(cursorOf(stream)) + load<usize>(cursorOf(stream - 1)));
  }
}

/** The body of the next function, which has `count` instructions. */
function putFunction(count: u32, isFused: bool): void {
  for (let local: usize = 0; local < MOST_LOCALS; local++) store<u8>(RECENT + local, local);
  // 0: nothing is fused in it. Otherwise one more than all its locals: behind them are two more then, for what stands between a product and a sum.
  const behind = frameNumber();
  const isChanged = behind != 0 && !isFused;
  const groups = frameNumber();
  put(groups + u32(isChanged));
  for (let group: u32 = 0; group < groups; group++) {
    putNumber(Stream.frame);
    putNext(Stream.frame, 1);
  }
  if (isChanged) {
    put(2);
    put(V128);
  }
  let isLocal = false;
  for (; count > 0; count--) {
    const token: usize = load<u32>(TOKENS + (next(Stream.opcodes) << 2));
    const opcodeLength: u32 = load<u8>(token);
    const form: i32 = load<u8>(token + 1 + opcodeLength);
    if (isChanged && (form == Form.fusedSum || form == Form.fusedDifference)) putUnfused(form == Form.fusedSum, behind - 1, isLocal);
    else {
      putAll(token + 1, opcodeLength);
      putOperands(form);
    }
    isLocal = load<u8>(token + 1) == Opcode.localGet;
  }
}

/** a, b, sum → sum + a · b or sum − a · b. A sum that is in a local, as nearly all are, is read behind the product. */
function putUnfused(isSum: bool, spare: u32, isLocal: bool): void {
  let sum = spare;
  if (isLocal) {
    sum = load<u8>(to - 1);
    to -= 2;
  } else putLocal(Opcode.localSet, sum);
  putSimd(Opcode.multiply);
  if (!isSum) putLocal(Opcode.localSet, spare + 1);
  putLocal(Opcode.localGet, sum);
  if (!isSum) putLocal(Opcode.localGet, spare + 1);
  putSimd(isSum ? Opcode.add : Opcode.subtract);
}

function putLocal(opcode: u32, local: u32): void {
  put(opcode);
  put(local);
}

function putSimd(opcode: u32): void {
  put(Opcode.simd);
  put(opcode);
  put(1);
}

/** The local that `rank` others were used since. */
function putRecent(rank: usize): void {
  const local = load<u8>(RECENT + rank);
  // Most ranks are small: memory.copy would be a call out of the module.
  for (let at = RECENT + rank; at > RECENT; at--) store<u8>(at, load<u8>(at - 1));
  store<u8>(RECENT, local);
  put(local);
}

function putOperands(form: i32): void {
  if (form >= Form.recent) putRecent(form - Form.recent);
  else if (form == Stream.locals) putRecent(next(Stream.locals));
  else if (form == Stream.offsets || form == Stream.numbers) putNumber(form);
  else if (form >= Form.constant) putNext(Stream.constants, form - Form.constant);
}
