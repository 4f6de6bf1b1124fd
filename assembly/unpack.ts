/**
 * Puts a module of kernels together from the streams that scripts/packKernels.mjs took it apart into: a program of its own, a few hundred bytes,
 * for what V8 would first interpret takes ten times as long as what it compiles at once.
 */

/** Of each token the address where it is described: an opcode's length, the opcode with operands that belong to it, the form of what follows. */
const TOKENS: usize = 0;
/** Of each function its length × 4 + the modules it belongs to. */
const FUNCTIONS: usize = 1024;
/** Of each function its number in the module. */
const NUMBERS: usize = 2048;
/** Locals of a function, that used last first. */
const RECENT: usize = 2304;
/** Here the host puts what was packed: the lengths of all streams but the last, then the streams. */
const PACKED: usize = 4096;

const MOST_LOCALS: usize = 128;

/** What follows an opcode; from `constant` on, so many bytes of constants; from `recent` on, the local that so many others were used since. */
namespace Form {
  export const none = 0;
  export const local = 1;
  export const offset = 2;
  export const number = 3;
  export const offsetAndLane = 4;
  export const call = 5;
  export const labels = 6;
  export const constant = 8;
  export const recent = 32;
}

/** The next byte of each stream: what describes modules and functions, opcodes, …; and where the next byte of the module goes. */
let frame: usize = 0;
let opcodes: usize = 0;
let locals: usize = 0;
let offsets: usize = 0;
let numbers: usize = 0;
let constants: usize = 0;
let to: usize = 0;

/** Unsigned LEB128. */
function frameNumber(): u32 {
  let value: u32 = 0;
  let shift = 0;
  let byte: u32;
  do {
    byte = load<u8>(frame++);
    value |= (byte & 127) << shift;
    shift += 7;
  } while (byte > 127);
  return value;
}

function putNumber(value: u32): void {
  for (; value > 127; value >>>= 7) store<u8>(to++, value | 128);
  store<u8>(to++, value);
}

/** Copies a LEB128 as it is. Returns where it ends. */
function copyNumber(from: usize): usize {
  let byte: u32;
  do {
    byte = load<u8>(from++);
    store<u8>(to++, byte);
  } while (byte > 127);
  return from;
}

function putAll(from: usize, length: usize): void {
  for (; length > 0; length--) store<u8>(to++, load<u8>(from++));
}

/** Of the `length` bytes that were packed makes the module of `bit` (1: strict, 2: relaxed), behind them. Returns its end. */
export function unpack(length: usize, bit: u32): usize {
  frame = PACKED;
  to = PACKED + length;
  findStreams();
  for (let module: u32 = 1; module <= 2; module++) {
    const headLength = frameNumber();
    if (module === bit) putAll(frame, headLength);
    frame += headLength;
  }
  for (let token: usize = TOKENS, end = token + 4 * frameNumber(); token < end; token += 4) {
    store<u32>(token, frame);
    frame += 2 + load<u8>(frame);
  }
  const count = frameNumber();
  let called = 0;
  for (let index: usize = 0; index < count; index++) {
    const word = frameNumber();
    store<u32>(FUNCTIONS + 4 * index, word);
    // Of twins, which follow each other, the first is named.
    store<u8>(NUMBERS + index, called);
    if (word & bit) called++;
  }
  for (let index: usize = 0; index < count; index++) {
    const word = load<u32>(FUNCTIONS + 4 * index);
    const before = to;
    putNumber(word >> 2);
    putFunction(to + (word >> 2));
    if (!(word & bit)) to = before;
  }
  return to;
}

function findStreams(): void {
  const frameLength = frameNumber();
  const opcodesLength = frameNumber();
  const localsLength = frameNumber();
  const offsetsLength = frameNumber();
  const numbersLength = frameNumber();
  opcodes = frame + frameLength;
  locals = opcodes + opcodesLength;
  offsets = locals + localsLength;
  numbers = offsets + offsetsLength;
  constants = numbers + numbersLength;
}

/** The next function's body, which ends at `end`. */
function putFunction(end: usize): void {
  for (let local: usize = 0; local < MOST_LOCALS; local++) store<u8>(RECENT + local, local);
  let groups = load<u8>(frame);
  frame = copyNumber(frame);
  for (; groups > 0; groups--) {
    frame = copyNumber(frame);
    putAll(frame++, 1);
  }
  while (to < end) {
    const token: usize = load<u32>(TOKENS + ((<usize>load<u8>(opcodes++)) << 2));
    const opcodeLength: usize = load<u8>(token);
    putAll(token + 1, opcodeLength);
    putOperands(load<u8>(token + 1 + opcodeLength));
  }
}

/** The local that `rank` others were used since. */
function putLocal(rank: usize): void {
  const local = load<u8>(RECENT + rank);
  memory.copy(RECENT + 1, RECENT, rank);
  store<u8>(RECENT, local);
  store<u8>(to++, local);
}

function putOperands(form: i32): void {
  if (form >= Form.recent) putLocal(form - Form.recent);
  else if (form === Form.local) putLocal(load<u8>(locals++));
  else if (form === Form.offset || form === Form.offsetAndLane) {
    offsets = copyNumber(offsets);
    if (form === Form.offsetAndLane) numbers = copyNumber(numbers);
  } else if (form === Form.number) numbers = copyNumber(numbers);
  else if (form === Form.call) store<u8>(to++, load<u8>(NUMBERS + load<u8>(numbers++)));
  else if (form === Form.labels) {
    // Their count, then one more than that.
    for (let labels: i32 = load<u8>(numbers); labels >= -1; labels--) numbers = copyNumber(numbers);
  } else if (form >= Form.constant) {
    putAll(constants, form - Form.constant);
    constants += form - Form.constant;
  }
}
