/** Windows whose taps lie in short runs, copied together: a tile then walks its rows in one go, whatever the number of panels. */
import { LANES } from "../lanes";
import { Matmul, TABLES, WIDE_TILE_ROWS } from "../matmulPlan";
import { MATMUL_SCRATCH, PATCHES_SCRATCH } from "../records";

/** A copy moves whole vectors: so much is written behind a row's last float. */
const SLACK: i32 = 16;

/** Rows whose copies have room behind the matmul's scratch. */
export function patchRows(matmul: Matmul): i32 {
  return <i32>PATCHES_SCRATCH / ((matmul.run << 2) + SLACK);
}

/** Turns the segments of the product into one; its rows will be copies of theirs. */
export function usePatches(matmul: Matmul): void {
  matmul.patches = changetype<usize>(matmul) + MATMUL_SCRATCH;
  matmul.segmentRows = matmul.outerCount;
  matmul.segmentRowStep = matmul.outerStep - matmul.innerCount * matmul.innerStep;
  matmul.segments = matmul.innerCount;
  matmul.segmentStep = matmul.innerStep;
  matmul.segmentRun = matmul.run;
  matmul.run *= matmul.outerCount * matmul.innerCount;
  matmul.outerCount = 1;
  matmul.innerCount = 1;
}

/** Copies the windows of the first `count` rows in the table of sources, and points the table at the copies. */
export function gatherPatches(matmul: Matmul, count: i32): void {
  let pointer = changetype<usize>(matmul) + TABLES;
  let patch = matmul.patches;
  const step = (matmul.run << 2) + SLACK;
  for (let row = 0; row < count; row++) {
    gatherPatch(matmul, load<usize>(pointer), patch);
    store<usize>(pointer, patch);
    patch += step;
    pointer += sizeof<usize>();
  }
  for (let row = 1; row < WIDE_TILE_ROWS; row++) {
    store<usize>(pointer, patch - step);
    pointer += sizeof<usize>();
  }
}

/** A run has at most PATCHES_MOST_RUN floats: four vectors, without a loop. */
// @ts-ignore: decorator
@inline
function gatherPatch(matmul: Matmul, from: usize, to: usize): void {
  const run = matmul.segmentRun;
  const step = matmul.segmentStep;
  const rowStep = matmul.segmentRowStep;
  const segments = matmul.segments;
  for (let row = matmul.segmentRows; row > 0; row--) {
    for (let segment = segments; segment > 0; segment--) {
      v128.store(to, v128.load(from));
      if (run > LANES) v128.store(to, v128.load(from, 16), 16);
      if (run > 2 * LANES) v128.store(to, v128.load(from, 32), 32);
      if (run > 3 * LANES) v128.store(to, v128.load(from, 48), 48);
      from += step;
      to += run << 2;
    }
    from += rowStep;
  }
}
