"""PyTorch as a worker process of the bench: what worker.ts does, in Python. Data come in files that the bench wrote."""
import json, os, resource, sys, time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def array(directory, entry):
    path = os.path.join(directory, entry["file"])
    return torch.from_numpy(np.fromfile(path, dtype=entry["type"]).reshape(entry["shape"]))


def modules(layer, directory):
    kind = layer["type"]
    if kind == "maxPool":
        yield nn.MaxPool2d(layer["window"], layer["stride"], layer["padding"])
    if kind == "globalAveragePool":
        yield nn.AdaptiveAvgPool2d(1)
        yield nn.Flatten()
    if kind == "softmax":
        yield nn.Softmax(1)
    if "flattened" in layer:
        yield nn.Flatten()
    if "weight" in layer:
        if kind == "conv":
            module = nn.Conv2d(layer["inChannels"], layer["outChannels"], layer["window"], layer["stride"], layer["padding"], groups=layer["groups"])
        else:
            module = nn.Linear(layer["inputs"], layer["outputs"])
        with torch.no_grad():
            module.weight.copy_(array(directory, layer["weight"]))
            module.bias.copy_(array(directory, layer["bias"]))
        yield module
    if layer.get("relu"):
        yield nn.ReLU()


class Network(nn.Module):
    """Layers one after the other, but for those that read another's result."""

    def __init__(self, layers, directory):
        super().__init__()
        self.layers = layers
        self.stages = nn.ModuleList(nn.Sequential(*modules(layer, directory)) for layer in layers)
        self.kept = {layer[key] for layer in layers for key in ("from", "other") if key in layer}

    def forward(self, x):
        kept = {}
        for place, (layer, stage) in enumerate(zip(self.layers, self.stages)):
            if "from" in layer:
                x = kept[layer["from"]]
            if "other" in layer:
                x = x + kept[layer["other"]]
            x = stage(x)
            if place in self.kept:
                kept[place] = x
        return x


class Inference:
    def __init__(self, model, workload, directory):
        self.model = model.eval()
        self.input = array(directory, workload["input"]).numpy()

    def run(self):
        with torch.inference_mode():
            self.last = self.model(torch.from_numpy(self.input)).numpy()

    def output(self):
        return np.moveaxis(self.last, 1, -1) if self.last.ndim == 4 else self.last


class Training:
    def __init__(self, model, workload, directory):
        self.model = model.train()
        self.batch = workload["batch"]
        self.input = array(directory, workload["input"])
        self.labels = array(directory, workload["labels"]).long()
        adam = workload["adam"]
        self.optimizer = torch.optim.Adam(model.parameters(), adam["learningRate"], (adam["beta1"], adam["beta2"]), adam["epsilon"])
        self.step = 0

    def run(self):
        first = self.batch * (self.step % (len(self.labels) // self.batch))
        self.step += 1
        chosen = slice(first, first + self.batch)
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(self.input[chosen]), self.labels[chosen])
        loss.backward()
        self.optimizer.step()
        return loss.item()


def prepare(request):
    torch.set_num_threads(request["contender"]["threads"])
    directory = request["directory"]
    with open(os.path.join(directory, "workload.json")) as file:
        workload = json.load(file)
    model = Network(workload["layers"], directory)
    return (Training if "labels" in workload else Inference)(model, workload, directory)


def sample(prepared, calls, settle):
    if settle:
        prepared.run()
    cpu, start, loss = cpu_seconds(), time.perf_counter(), None
    for _ in range(calls):
        loss = prepared.run()
    ms, cpu_ms = (time.perf_counter() - start) * 1e3, (cpu_seconds() - cpu) * 1e3
    return {"ms": ms, "cpuMs": cpu_ms, **({} if loss is None else {"loss": loss})}


prepared = None
for line in sys.stdin:
    request = json.loads(line)
    answer = {}
    try:
        if request["do"] == "prepare":
            prepared = prepare(request)
            answer = {"hasLogits": False}
        elif request["do"] == "sample":
            answer = sample(prepared, request["calls"], request["settle"])
        else:
            np.ascontiguousarray(prepared.output(), dtype="<f4").tofile(request["file"])
    except Exception as reason:
        answer = {"error": f"{type(reason).__name__}: {reason}"}
    print("answer " + json.dumps(answer), flush=True)
