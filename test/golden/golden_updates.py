"""20 steps of every optimizer by the Keras 3 formulas; where torch.optim computes the same, the two are compared first."""
import torch

from golden_tensors import Random, f32

STEPS, KEPT, COUNT = 20, (1, 5, 20), 13

DEFAULTS = {
    "sgd": {"learningRate": 0.05, "momentum": 0, "nesterov": 0},
    "rmsprop": {"learningRate": 0.01, "rho": 0.9, "momentum": 0, "epsilon": 1e-7},
    "adam": {"learningRate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7},
}

VARIANTS = [
    ("sgd", "sgd", {}),
    ("sgd momentum", "sgd", {"momentum": 0.9}),
    ("sgd nesterov", "sgd", {"momentum": 0.9, "nesterov": 1}),
    ("rmsprop", "rmsprop", {}),
    ("rmsprop momentum", "rmsprop", {"momentum": 0.8}),
    ("rmsprop, epsilon that matters", "rmsprop", {"epsilon": 0.1}),
    ("adam", "adam", {}),
    ("adam, epsilon that matters", "adam", {"epsilon": 0.1, "beta1": 0.5, "beta2": 0.9}),
    ("adamW", "adam", {"weightDecay": 0.04}),
    ("sgd weightDecay", "sgd", {"momentum": 0.9, "weightDecay": 0.04}),
    ("sgd clipValue", "sgd", {"momentum": 0.9, "clipValue": 0.4}),
    ("adam clipValue", "adam", {"clipValue": 0.4}),
    ("sgd clipNorm", "sgd", {"clipNorm": 0.9}),
    ("rmsprop clipNorm", "rmsprop", {"clipNorm": 0.9}),
    ("adam clipNorm", "adam", {"clipNorm": 0.9}),
    ("adam clipNorm that never clips", "adam", {"clipNorm": 50}),
    ("adamW globalClipNorm over two arrays", "adam", {"globalClipNorm": 0.9, "weightDecay": 0.04}),
    ("sgd l1l2", "sgd", {"l1": 0.02, "l2": 0.03}),
    ("adam l1l2 clipNorm", "adam", {"l1": 0.02, "l2": 0.03, "clipNorm": 0.9}),
    ("adamW l2", "adam", {"l2": 0.03, "weightDecay": 0.04}),
    ("adam l1l2 accumulated over 4 samples", "adam", {"l1": 0.02, "l2": 0.03, "clipNorm": 0.3, "samples": 4}),
]


def effective_gradient(weight, gradient, other, options):
    """Regularizer first, then the mean over accumulated samples, then clipping."""
    samples = options.get("samples", 1)
    l1, l2 = options.get("l1", 0), options.get("l2", 0)
    gradient = (gradient + samples * (l1 * torch.sign(weight) + 2 * l2 * weight)) / samples
    if "clipValue" in options:
        gradient = torch.clamp(gradient, -options["clipValue"], options["clipValue"])
    norm = torch.cat([gradient, other]).norm() if "globalClipNorm" in options else gradient.norm()
    limit = options.get("clipNorm", options.get("globalClipNorm", 0))
    return gradient * limit / torch.maximum(norm, torch.tensor(limit)) if limit else gradient


def step(kind, o, weight, gradient, slots, t):
    """One Keras 3 step: the new weight. slots: [velocity or first moment, second moment], changed in place."""
    rate = o["learningRate"]
    weight = weight - weight * o.get("weightDecay", 0) * rate
    if kind == "sgd":
        slots[0] = o["momentum"] * slots[0] - rate * gradient
        return weight + (o["momentum"] * slots[0] - rate * gradient if o["nesterov"] else slots[0])
    if kind == "rmsprop":
        slots[1] = o["rho"] * slots[1] + (1 - o["rho"]) * gradient**2
        slots[0] = o["momentum"] * slots[0] + rate * gradient / torch.sqrt(slots[1] + o["epsilon"])
        return weight - slots[0]
    slots[0] = slots[0] + (gradient - slots[0]) * (1 - o["beta1"])
    slots[1] = slots[1] + (gradient**2 - slots[1]) * (1 - o["beta2"])
    corrected = rate * (1 - o["beta2"] ** t) ** 0.5 / (1 - o["beta1"] ** t)
    return weight - corrected * slots[0] / (torch.sqrt(slots[1]) + o["epsilon"])


def run(kind, options, weight, gradients, others):
    slots, kept, penalty = [torch.zeros(COUNT), torch.zeros(COUNT)], {}, []
    for t in range(1, STEPS + 1):
        penalty.append(options.get("l1", 0) * weight.abs().sum() + options.get("l2", 0) * (weight**2).sum())
        gradient = effective_gradient(weight, gradients[t - 1], others[t - 1], options)
        weight = step(kind, options, weight, gradient, slots, t)
        if t in KEPT:
            kept[f"weightAfter{t}"] = weight
    return kept, torch.stack(penalty)


def compare_with_torch(weight, gradients):
    """The formulas above against torch.optim wherever the two definitions meet (epsilon 0 in Adam and RMSprop)."""
    sgd = {**DEFAULTS["sgd"], "momentum": 0.9}
    for kind, options, optimizer in [
        ("sgd", DEFAULTS["sgd"], lambda p: torch.optim.SGD(p, 0.05)),
        ("sgd", sgd, lambda p: torch.optim.SGD(p, 0.05, momentum=0.9)),
        ("sgd", {**sgd, "nesterov": 1}, lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True)),
        ("rmsprop", {**DEFAULTS["rmsprop"], "epsilon": 0}, lambda p: torch.optim.RMSprop(p, 0.01, 0.9, eps=0)),
        ("adam", {**DEFAULTS["adam"], "epsilon": 0}, lambda p: torch.optim.Adam(p, 0.01, eps=0)),
        ("adam", {**DEFAULTS["adam"], "epsilon": 0, "weightDecay": 0.04}, lambda p: torch.optim.AdamW(p, 0.01, eps=0, weight_decay=0.04)),
    ]:
        parameter = weight.clone().requires_grad_()
        torch_optimizer = optimizer([parameter])
        for gradient in gradients:
            parameter.grad = gradient.clone()
            torch_optimizer.step()
        ours = run(kind, options, weight, gradients, gradients)[0]["weightAfter20"]
        assert torch.allclose(ours, parameter.detach(), rtol=1e-12, atol=1e-12), (kind, options)


def updates():
    random, cases = Random(109), []
    compare_with_torch(random.tensor(COUNT), random.tensor(STEPS, COUNT))
    for name, kind, changes in VARIANTS:
        options = {**DEFAULTS[kind], **changes}
        weight, gradients, others = random.tensor(COUNT), random.tensor(STEPS, COUNT), random.tensor(STEPS, 5)
        weight[3] = 0
        gradients[:, 4] = 0
        gradients[:, 5] *= f32(1e-3)
        gradients = gradients.to(torch.float32).to(torch.float64)
        kept, penalty = run(kind, {key: f32(value) for key, value in options.items()}, weight, gradients, others)
        arrays = {"weight": weight, "gradients": gradients, **kept}
        if "globalClipNorm" in options:
            arrays["otherGradients"] = others
        if "l1" in options or "l2" in options:
            arrays["penalty"] = penalty
        cases.append((name, {"kind": kind, **options}, arrays))
    return cases
