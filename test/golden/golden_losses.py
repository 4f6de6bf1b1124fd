"""Losses by the Keras 3 formulas: per-sample losses with sample weights, and the gradient of their mean."""
import torch
import torch.nn.functional as F

from golden_tensors import Random, f32

#: Keras clips probabilities to [1e-7, 1 - 1e-7] in float32, where the upper bound is 1 - 1.19e-7: -log(1 - p) ends at 15.94.
CLIP = f32(1e-7), f32(1 - 1e-7)


def per_sample(prediction, element_loss, **arrays):
    """element_loss(prediction): losses whose first axis is the batch; a sample's loss is their mean."""
    batch = prediction.shape[0]
    weight = torch.tensor([f32(x) for x in (0.5, 1.5, 2.25, 0, 0.3)[:batch]])
    leaf = prediction.clone().requires_grad_()
    losses = weight * element_loss(leaf).reshape(batch, -1).mean(1)
    gradient = torch.autograd.grad(losses.sum() * f32(1 / batch), leaf)[0]
    return {"prediction": prediction, "sampleWeight": weight, **arrays, "losses": losses, "predictionGrad": gradient}


def cross_entropy(prediction, target, logits):
    """-sum of target · log p over the last axis."""
    if logits:
        return -(target * F.log_softmax(prediction, -1)).sum(-1)
    probabilities = prediction / prediction.sum(-1, keepdim=True)
    return -(target * torch.log(torch.clamp(probabilities, *CLIP))).sum(-1)


def float32(tensor):
    return tensor.to(torch.float32).to(torch.float64)


def cross_entropies(random):
    cases = []
    for name, shape, scale in [
        ("10 classes", (3, 1, 1, 10), 3),
        ("3 classes per pixel", (2, 2, 3, 3), 3),
        ("17 classes", (5, 1, 1, 17), 2),
        ("2 classes, logits in the hundreds", (3, 1, 1, 2), 900),
    ]:
        logits = random.tensor(*shape, scale=scale)
        classes = ((random.tensor(*shape[:3]) + 1) / 2 * shape[3]).floor()
        one_hot = F.one_hot(classes.long(), shape[3]).double()
        soft = float32(0.9 * one_hot + 0.1 * torch.softmax(random.tensor(*shape), -1))
        soft = soft if scale < 900 else one_hot
        arrays = per_sample(logits, lambda p: cross_entropy(p, one_hot, True), target=classes)
        cases.append((f"sparseLogits, {name}", {"kind": "sparseLogits"}, arrays))
        arrays = per_sample(logits, lambda p: cross_entropy(p, soft, True), target=soft)
        cases.append((f"categoricalLogits, {name}", {"kind": "categoricalLogits"}, arrays))
        if scale < 900:
            probabilities = float32(torch.softmax(logits, -1))
            uneven = float32(probabilities * 0.7)
            for label, p0 in (("", probabilities), (", sums of 0.7", uneven)):
                arrays = per_sample(p0, lambda p: cross_entropy(p, one_hot, False), target=classes)
                cases.append((f"sparse, {name}{label}", {"kind": "sparse"}, arrays))
                arrays = per_sample(p0, lambda p: cross_entropy(p, soft, False), target=soft)
                cases.append((f"categorical, {name}{label}", {"kind": "categorical"}, arrays))
    return cases + clipped_cross_entropies(random)


def clipped_cross_entropies(random):
    certain = torch.tensor([[1.0, 0, 0], [0, 1, 0], [f32(1e-8), 0.5, 0.5]]).reshape(3, 1, 1, 3)
    classes = torch.tensor([0.0, 2, 0]).reshape(3, 1, 1)
    one_hot = F.one_hot(classes.long(), 3).double()
    sparse = per_sample(certain, lambda p: cross_entropy(p, one_hot, False), target=classes)
    soft = float32(torch.tensor([[0.8, 0.1, 0.1], [0.25, 0.5, 0.25], [0.5, 0.25, 0.25]])).reshape(3, 1, 1, 3)
    categorical = per_sample(certain, lambda p: cross_entropy(p, soft, False), target=soft)
    logits = random.tensor(3, 1, 1, 3, scale=2)
    partial = torch.tensor([[0.0, 0, 0], [0.5, 0, 0.25], [2, 1, 0.5]]).reshape(3, 1, 1, 3)
    unusual = per_sample(logits, lambda p: cross_entropy(p, partial, True), target=partial)
    return [
        ("sparse, clipped", {"kind": "sparse"}, sparse),
        ("categorical, clipped", {"kind": "categorical"}, categorical),
        ("categoricalLogits, targets that do not sum to 1", {"kind": "categoricalLogits"}, unusual),
    ]


def binary_logits(x, t):
    return torch.clamp(x, min=0) - x * t + torch.log1p(torch.exp(-x.abs()))


def binary_probabilities(p, t):
    p = torch.clamp(p, *CLIP)
    return -(t * torch.log(p) + (1 - t) * torch.log(1 - p))


def huber(p, t, delta):
    error = (p - t).abs()
    return torch.where(error <= delta, 0.5 * error**2, delta * error - 0.5 * delta**2)


def element_losses(random):
    cases = []
    for name, shape in [("13 values", (3, 1, 1, 13)), ("pixels", (2, 2, 3, 5)), ("1 value", (5, 1, 1, 1))]:
        prediction, target = random.tensor(*shape, scale=3), random.tensor(*shape, scale=3)
        target.reshape(-1)[0] = prediction.reshape(-1)[0]
        bits = (random.tensor(*shape) > 0).double()
        share = random.tensor(*shape).abs()
        inner = float32(torch.clamp(random.tensor(*shape).abs(), 0.01, 0.99))
        for kind, delta, p0, t0, function in [
            ("meanSquaredError", 0, prediction, target, lambda p: (p - target) ** 2),
            ("meanAbsoluteError", 0, prediction, target, lambda p: (p - target).abs()),
            ("huber", 1, prediction, target, lambda p: huber(p, target, 1)),
            ("huber", 0.7, prediction, target, lambda p: huber(p, target, f32(0.7))),
            ("binaryCrossEntropyLogits", 0, prediction, bits, lambda p: binary_logits(p, bits)),
            ("binaryCrossEntropyLogits", 0, prediction, share, lambda p: binary_logits(p, share)),
            ("binaryCrossEntropy", 0, inner, bits, lambda p: binary_probabilities(p, bits)),
            ("binaryCrossEntropy", 0, inner, share, lambda p: binary_probabilities(p, share)),
        ]:
            label = f"{kind}{f' {delta}' if delta else ''}{', soft targets' if t0 is share else ''}, {name}"
            cases.append((label, {"kind": kind, "delta": delta}, per_sample(p0, function, target=t0)))
    logits = torch.tensor([f32(x) for x in (800, -800, 90, -90, 17, -17)]).reshape(3, 1, 1, 2)
    bits = torch.tensor([0.0, 1, 1, 0, 1, 1]).reshape(3, 1, 1, 2)
    arrays = per_sample(logits, lambda p: binary_logits(p, bits), target=bits)
    cases.append(("binaryCrossEntropyLogits, far from 0", {"kind": "binaryCrossEntropyLogits", "delta": 0}, arrays))
    sure = torch.tensor([0.0, 1, 0, 1, f32(1e-8), 0.25]).reshape(3, 1, 1, 2)
    bits = torch.tensor([1.0, 1, 0, 0, 1, 0]).reshape(3, 1, 1, 2)
    arrays = per_sample(sure, lambda p: binary_probabilities(p, bits), target=bits)
    cases.append(("binaryCrossEntropy, clipped", {"kind": "binaryCrossEntropy", "delta": 0}, arrays))
    return cases


def losses():
    random = Random(108)
    return cross_entropies(random) + element_losses(random)
