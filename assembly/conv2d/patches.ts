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

function gatherPatch(matmul: Matmul, from: usize, to: usize): void {
  const run = matmul.segmentRun;
  for (let row = matmul.segmentRows; row > 0; row--) {
    for (let segment = matmul.segments; segment > 0; segment--) {
      for (let i = 0; i < run; i += LANES) v128.store(to + (<usize>i << 2), v128.load(from + (<usize>i << 2)));
      from += matmul.segmentStep;
      to += run << 2;
    }
    from += matmul.segmentRowStep;
  }
}
