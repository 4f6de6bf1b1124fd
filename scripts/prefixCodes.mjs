/** The prefix codes of a deflate block (RFC 1951, 3.2): their lengths, and how its head tells them. */

const MOST_BITS = { symbols: 15, lengths: 7 };
/** The order in which the code lengths of code lengths stand in a block's head. */
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/** Codes that stand for several code lengths; each may be left out. */
const RUNS = [16, 17, 18];

/** Code lengths of a block's symbols, and how its head tells them. */
export function codesOf({ symbols, distances }) {
  const lengths = codeLengths(symbols, MOST_BITS.symbols);
  // Without any distance: a code that nobody uses.
  const far = codeLengths(distances.some((count) => count > 0) ? distances : [1], MOST_BITS.symbols);
  const [symbolCount, distanceCount] = [lengths.findLastIndex((length) => length > 0) + 1, far.findLastIndex((length) => length > 0) + 1];
  const all = [...lengths.slice(0, symbolCount), ...far.slice(0, distanceCount)];
  const choices = Array.from({ length: 8 }, (_, mask) =>
    headOf(
      all,
      RUNS.filter((_run, index) => mask & (1 << index)),
    ),
  );
  const head = choices.reduce((best, each) => (each.size < best.size ? each : best));
  return { symbols: lengths, distances: [...far, ...new Array(30).fill(0)], symbolCount, distanceCount, head };
}

/** Code lengths in runs: [code, further bits, their value]. */
function headOf(lengths, runs) {
  const items = [];
  for (let at = 0; at < lengths.length; ) {
    const value = lengths[at];
    let count = 1;
    while (lengths[at + count] === value) count++;
    at += count;
    const put = (code, most, least, bits) => {
      for (; count >= least; count -= Math.min(count, most)) items.push([code, bits, Math.min(count, most) - least]);
    };
    if (value === 0) {
      if (runs.includes(18)) put(18, 138, 11, 7);
      if (runs.includes(17)) put(17, 10, 3, 3);
    } else if (runs.includes(16) && count > 3) {
      items.push([value, 0, 0]);
      count--;
      put(16, 6, 3, 2);
    }
    for (; count > 0; count--) items.push([value, 0, 0]);
  }
  const counts = new Array(19).fill(0);
  for (const [code] of items) counts[code]++;
  const codes = codeLengths(counts, MOST_BITS.lengths);
  const codeCount = Math.max(4, ORDER.findLastIndex((code) => codes[code] > 0) + 1);
  const size = 17 + 3 * codeCount + items.reduce((sum, [code, bits]) => sum + codes[code] + bits, 0);
  return { items, codes, codeCount, size };
}

/** Lengths of at most `most` bits of the best prefix code, 0 for what does not come (package-merge, Larmore & Hirschberg 1990). */
function codeLengths(counts, most) {
  const leaves = counts.flatMap((count, symbol) => (count > 0 ? [{ count, symbol }] : [])).sort((a, b) => a.count - b.count);
  const lengths = counts.map(() => 0);
  if (leaves.length === 1) lengths[leaves[0].symbol] = 1;
  if (leaves.length < 2) return lengths;
  let row = leaves;
  for (let level = 1; level < most; level++) {
    const pairs = [];
    for (let index = 1; index < row.length; index += 2) {
      pairs.push({ count: row[index - 1].count + row[index].count, left: row[index - 1], right: row[index] });
    }
    row = mergedByCount(leaves, pairs);
  }
  const visit = ({ symbol, left, right }) => {
    if (symbol !== undefined) lengths[symbol]++;
    else {
      visit(left);
      visit(right);
    }
  };
  row.slice(0, 2 * leaves.length - 2).forEach(visit);
  return lengths;
}

function mergedByCount(left, right) {
  const merged = [];
  for (let i = 0, j = 0; i < left.length || j < right.length; ) {
    merged.push(j === right.length || left[i]?.count <= right[j].count ? left[i++] : right[j++]);
  }
  return merged;
}

/** A head: code lengths of code lengths, then the lengths in their codes. */
export function writeHead({ put, code }, { items, codes, codeCount }) {
  put(codeCount - 4, 4);
  for (const each of ORDER.slice(0, codeCount)) put(codes[each], 3);
  const lengthCodes = canonical(codes);
  for (const [each, bits, value] of items) {
    code(lengthCodes[each]);
    put(value, bits);
  }
}

/** Of each symbol { value, length } of its code: shorter ones first, equal ones in order. */
export function canonical(lengths) {
  const codes = [];
  let value = 0;
  for (let length = 1; length <= MOST_BITS.symbols; length++) {
    for (const [symbol, own] of lengths.entries()) if (own === length) codes[symbol] = { value: value++, length };
    value *= 2;
  }
  return codes;
}
