/**
 * Activations: one class each, value and derivative side by side. Formulas: Keras 3. NaN passes through both.
 * −Infinity gives NaN in swish, gelu and hardSwish, as x · 0 does in Keras and PyTorch.
 */
import { Activation, ActivationInputGrad, ActivationOutput, Write } from "./records";
import { constant, Constant, f32At, LANES, storeUpTo } from "./lanes";
import { exp, expm1OfNegative, gaussian, log1pOfFraction, normalCdf, sigmoid, tanh } from "./math";
import { eachRun } from "./runs";

/** output [batch, height, width, channels] ← f(input). */
export function activationOutput(record: ActivationOutput, thread: i32, threads: i32): void {
  eachRun<OutputRun>(changetype<usize>(record), record.input, record.input, record.output, thread, threads);
}

/** inputGrad [batch, height, width, channels] ← or += outputGrad · f′, f′ from reference. */
export function activationInputGrad(record: ActivationInputGrad, thread: i32, threads: i32): void {
  eachRun<InputGradRun>(changetype<usize>(record), record.reference, record.outputGrad, record.inputGrad, thread, threads);
}

/** to[0 .. count) ← f(from[0 .. count)); from and to may be the same. An epilogue calls this on what it has just written. */
export function activateRun(activation: i32, alpha: f32, from: usize, to: usize, count: i32): void {
  switch (activation) {
    case Activation.linear: return mapQuick<Linear>(alpha, from, to, count);
    case Activation.relu: return mapQuick<Relu>(alpha, from, to, count);
    case Activation.relu6: return mapQuick<Relu6>(alpha, from, to, count);
    case Activation.leakyRelu: return mapQuick<LeakyRelu>(alpha, from, to, count);
    case Activation.elu: return map<Elu>(alpha, from, to, count);
    case Activation.selu: return map<Selu>(alpha, from, to, count);
    case Activation.sigmoid: return map<Sigmoid>(alpha, from, to, count);
    case Activation.tanh: return map<Tanh>(alpha, from, to, count);
    case Activation.softplus: return map<Softplus>(alpha, from, to, count);
    case Activation.swish: return map<Swish>(alpha, from, to, count);
    case Activation.gelu: return map<Gelu>(alpha, from, to, count);
    case Activation.hardSigmoid: return mapQuick<HardSigmoid>(alpha, from, to, count);
    case Activation.hardSwish: return mapQuick<HardSwish>(alpha, from, to, count);
    default: unreachable();
  }
}

@final
@unmanaged
class OutputRun {
  run(record: usize, from: usize, _from: usize, to: usize, element: i32, count: i32): void {
    const fields = changetype<ActivationOutput>(record);
    activateRun(fields.activation, fields.alpha, from, to, count);
  }
}

@final
@unmanaged
class InputGradRun {
  run(record: usize, reference: usize, outputGrad: usize, to: usize, element: i32, count: i32): void {
    switch (changetype<ActivationInputGrad>(record).activation) {
      case Activation.linear: return mapGrad<Linear>(record, reference, outputGrad, to, count);
      case Activation.relu: return mapGrad<Relu>(record, reference, outputGrad, to, count);
      case Activation.relu6: return mapGrad<Relu6>(record, reference, outputGrad, to, count);
      case Activation.leakyRelu: return mapGrad<LeakyRelu>(record, reference, outputGrad, to, count);
      case Activation.elu: return mapGrad<Elu>(record, reference, outputGrad, to, count);
      case Activation.selu: return mapGrad<Selu>(record, reference, outputGrad, to, count);
      case Activation.sigmoid: return mapGrad<Sigmoid>(record, reference, outputGrad, to, count);
      case Activation.tanh: return mapGrad<Tanh>(record, reference, outputGrad, to, count);
      case Activation.softplus: return mapGrad<Softplus>(record, reference, outputGrad, to, count);
      case Activation.swish: return mapGrad<Swish>(record, reference, outputGrad, to, count);
      case Activation.gelu: return mapGrad<Gelu>(record, reference, outputGrad, to, count);
      case Activation.hardSigmoid: return mapGrad<HardSigmoid>(record, reference, outputGrad, to, count);
      case Activation.hardSwish: return mapGrad<HardSwish>(record, reference, outputGrad, to, count);
      default: unreachable();
    }
  }
}

/** For what takes no longer than a load: its end is apart, for a choice at each vector would take up to as long again. */
function mapQuick<F>(alpha: f32, from: usize, to: usize, count: i32): void {
  const f = changetype<F>(0);
  const alphas = f32x4.splat(alpha);
  const vectorEnd = count & ~(LANES - 1);
  let i = 0;
  for (; i < vectorEnd; i += LANES) v128.store(f32At(to, i), f.value(v128.load(f32At(from, i)), alphas));
  if (i < count) storeUpTo(f32At(to, i), f.value(v128.load(f32At(from, i)), alphas), count - i);
}

function map<F>(alpha: f32, from: usize, to: usize, count: i32): void {
  const f = changetype<F>(0);
  const alphas = f32x4.splat(alpha);
  for (; count > 0; count -= LANES, from += 16, to += 16) storeUpTo(to, f.value(v128.load(from), alphas), count);
}

function mapGrad<F>(record: usize, reference: usize, outputGrad: usize, to: usize, count: i32): void {
  const f = changetype<F>(0);
  const alphas = f32x4.splat(changetype<ActivationInputGrad>(record).alpha);
  const add = changetype<ActivationInputGrad>(record).write == Write.add;
  for (let i = 0; i < count; i += LANES) {
    let grad = f.grad(v128.load(f32At(reference, i)), v128.load(f32At(outputGrad, i)), alphas);
    if (add) grad = f32x4.add(v128.load(f32At(to, i)), grad);
    storeUpTo(f32At(to, i), grad, count - i);
  }
}

@final
@unmanaged
class Linear {
  @inline value(x: v128, alpha: v128): v128 { return x; }
  @inline grad(y: v128, g: v128, alpha: v128): v128 { return g; }
}

/** At a kink the derivative is 0, elsewhere selected, not multiplied: an infinite gradient behind a closed relu stays out. */
@final
@unmanaged
class Relu {
  @inline value(x: v128, alpha: v128): v128 { return f32x4.pmax(x, f32x4.splat(0)); }
  @inline grad(y: v128, g: v128, alpha: v128): v128 { return v128.andnot(g, f32x4.le(y, f32x4.splat(0))); }
}

@final
@unmanaged
class Relu6 {
  @inline value(x: v128, alpha: v128): v128 { return f32x4.pmin(f32x4.pmax(x, f32x4.splat(0)), constant(Constant.six)); }
  @inline grad(y: v128, g: v128, alpha: v128): v128 {
    return v128.andnot(g, v128.or(f32x4.le(y, f32x4.splat(0)), f32x4.ge(y, constant(Constant.six))));
  }
}

/** alpha ≥ 0, or the output would not tell the side. */
@final
@unmanaged
class LeakyRelu {
  @inline value(x: v128, alpha: v128): v128 { return v128.bitselect(f32x4.mul(x, alpha), x, f32x4.lt(x, f32x4.splat(0))); }
  @inline grad(y: v128, g: v128, alpha: v128): v128 { return v128.bitselect(f32x4.mul(g, alpha), g, f32x4.le(y, f32x4.splat(0))); }
}

/** f′ = output + alpha below 0; alpha > 0. NaN ≥ 0 is false, so NaN takes the arithmetic branch. */
@final
@unmanaged
class Elu {
  @inline value(x: v128, alpha: v128): v128 {
    return v128.bitselect(f32x4.mul(alpha, expm1OfNegative(x)), x, f32x4.lt(x, f32x4.splat(0)));
  }
  @inline grad(y: v128, g: v128, alpha: v128): v128 {
    return v128.bitselect(g, f32x4.mul(g, f32x4.add(y, alpha)), f32x4.ge(y, f32x4.splat(0)));
  }
}

@final
@unmanaged
class Selu {
  @inline value(x: v128, alpha: v128): v128 {
    const below = f32x4.mul(constant(Constant.seluScaleAlpha), expm1OfNegative(x));
    return v128.bitselect(below, f32x4.mul(constant(Constant.seluScale), x), f32x4.lt(x, f32x4.splat(0)));
  }
  @inline grad(y: v128, g: v128, alpha: v128): v128 {
    const below = f32x4.add(y, constant(Constant.seluScaleAlpha));
    return f32x4.mul(g, v128.bitselect(constant(Constant.seluScale), below, f32x4.ge(y, f32x4.splat(0))));
  }
}

@final
@unmanaged
class Sigmoid {
  @inline value(x: v128, alpha: v128): v128 { return sigmoid(x); }
  @inline grad(y: v128, g: v128, alpha: v128): v128 { return f32x4.mul(g, f32x4.mul(y, f32x4.sub(constant(Constant.one), y))); }
}

/** f′ = (1 − y)(1 + y): 1 − y² would lose what is left near ±1. */
@final
@unmanaged
class Tanh {
  @inline value(x: v128, alpha: v128): v128 { return tanh(x); }
  @inline grad(y: v128, g: v128, alpha: v128): v128 {
    const one = constant(Constant.one);
    return f32x4.mul(g, f32x4.mul(f32x4.sub(one, y), f32x4.add(one, y)));
  }
}

/** max(x, 0) + log(1 + e^−|x|); f′ = sigmoid(x) = 1 − e^−output. */
@final
@unmanaged
class Softplus {
  @inline value(x: v128, alpha: v128): v128 {
    return f32x4.add(f32x4.pmax(x, f32x4.splat(0)), log1pOfFraction(exp(f32x4.neg(f32x4.abs(x)))));
  }
  @inline grad(y: v128, g: v128, alpha: v128): v128 { return f32x4.neg(f32x4.mul(g, expm1OfNegative(f32x4.neg(y)))); }
}

/** f′ = s + x s (1 − s), with 1 − s from the same exponential and without cancellation. */
@final
@unmanaged
class Swish {
  @inline value(x: v128, alpha: v128): v128 { return f32x4.mul(x, sigmoid(x)); }
  @inline grad(x: v128, g: v128, alpha: v128): v128 {
    const e = exp(f32x4.neg(f32x4.abs(x)));
    const nearer = f32x4.div(constant(Constant.one), f32x4.add(e, constant(Constant.one)));
    const farther = f32x4.mul(e, nearer);
    const negative = f32x4.lt(x, f32x4.splat(0));
    const s = v128.bitselect(farther, nearer, negative);
    const rest = v128.bitselect(nearer, farther, negative);
    return f32x4.mul(g, f32x4.add(s, f32x4.mul(f32x4.mul(x, s), rest)));
  }
}

/** x Φ(x), the exact form; f′ = Φ(x) + x φ(x). */
@final
@unmanaged
class Gelu {
  @inline value(x: v128, alpha: v128): v128 { return f32x4.mul(x, normalCdf(x, gaussian(x))); }
  @inline grad(x: v128, g: v128, alpha: v128): v128 {
    const e = gaussian(x);
    return f32x4.mul(g, f32x4.add(normalCdf(x, e), f32x4.mul(f32x4.mul(x, e), constant(Constant.inverseRootOf2Pi))));
  }
}

/** relu6(x + 3) / 6. */
// @ts-ignore: decorator
@inline
function hardSigmoid(x: v128): v128 {
  const shifted = f32x4.add(x, constant(Constant.three));
  return f32x4.mul(f32x4.pmin(f32x4.pmax(shifted, f32x4.splat(0)), constant(Constant.six)), constant(Constant.sixth));
}

@final
@unmanaged
class HardSigmoid {
  @inline value(x: v128, alpha: v128): v128 { return hardSigmoid(x); }
  @inline grad(y: v128, g: v128, alpha: v128): v128 {
    const flat = v128.or(f32x4.le(y, f32x4.splat(0)), f32x4.ge(y, constant(Constant.one)));
    return v128.andnot(f32x4.mul(g, constant(Constant.sixth)), flat);
  }
}

/** f′ = (2x + 3) / 6 inside (−3, 3), 0 below, 1 above. */
@final
@unmanaged
class HardSwish {
  @inline value(x: v128, alpha: v128): v128 { return f32x4.mul(x, hardSigmoid(x)); }
  @inline grad(x: v128, g: v128, alpha: v128): v128 {
    const inside = f32x4.mul(f32x4.add(f32x4.add(x, x), constant(Constant.three)), constant(Constant.sixth));
    const slope = v128.bitselect(constant(Constant.one), inside, f32x4.ge(x, constant(Constant.three)));
    return f32x4.mul(g, v128.andnot(slope, f32x4.le(x, constant(Constant.minusThree))));
  }
}
