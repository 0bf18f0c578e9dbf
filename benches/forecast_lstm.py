"""The network of engine/src/forecasts/lstm in JAX, on the same windows, with the same loss, optimiser and stopping.

    python forecast_lstm.py FILE.json SEEDS

A line of JSON for each origin of the case and each seed: the forecast, and the CPU seconds of training without compiling. The
draws are JAX's own: only what the network is like is the same.
"""

import json
import os
import sys
import time

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax
import jax.numpy as jnp
import numpy as np

HIDDEN, WINDOW, EPOCHS, RATE, PATIENCE, BATCH = 32, 28, 50, 0.01, 10, 64
WAVES = 3
VALIDATION = 0.15
CLIP = 1.0


def phases(steps, season):
    angle = 2 * np.pi * (np.arange(steps) % season) / season
    return np.stack([f(angle * wave) for wave in range(1, WAVES + 1) for f in (np.sin, np.cos)], 1)


class Windows:
    """Each value relative to the mean of its window, in units of the window's deviation."""

    def __init__(self, y, season, horizon):
        self.y, self.horizon = np.asarray(y), horizon
        self.known = phases(len(y) + horizon, season)

    def at(self, origins, end):
        spans = [self.y[o - WINDOW : o] for o in origins]
        self.level, self.size = np.mean(spans, 1), np.std(spans, 1)
        scaled = (np.array(spans) - self.level[:, None]) / self.size[:, None]
        seen = np.stack([self.known[o - WINDOW : o] for o in origins])
        ahead = np.stack([self.known[o : o + self.horizon] for o in origins])
        came = np.zeros((len(origins), self.horizon))
        there = np.zeros_like(came)
        for row, origin in enumerate(origins):
            values = self.y[origin : min(origin + self.horizon, end)]
            came[row, : len(values)] = (values - self.level[row]) / self.size[row]
            there[row, : len(values)] = 1
        arrays = np.concatenate([scaled[..., None], seen], 2), ahead, came, there
        return tuple(jnp.asarray(array, jnp.float32) for array in arrays)


def weights(rng, inputs, horizon):
    reach = HIDDEN**-0.5
    bias = np.zeros(4 * HIDDEN)
    bias[HIDDEN : 2 * HIDDEN] = 1
    drawn = {
        "input": rng.uniform(-reach, reach, (inputs, 4 * HIDDEN)), "state": rng.uniform(-reach, reach, (HIDDEN, 4 * HIDDEN)),
        "bias": bias, "head": rng.uniform(-reach, reach, (HIDDEN, horizon)), "level": np.zeros(horizon),
        "known": np.zeros(inputs - 1),
    }  # fmt: skip
    return {name: jnp.asarray(value, jnp.float32) for name, value in drawn.items()}


def forecast(w, seen, ahead):
    # The products of all steps' inputs at once; what is left for the loop is the state's.
    by_input = jnp.einsum("bti,ig->tbg", seen, w["input"]) + w["bias"]

    def step(carried, inputs):
        hidden, cell = carried
        i, f, g, o = jnp.split(inputs + hidden @ w["state"], 4, 1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(cell), cell), None

    nothing = jnp.zeros((seen.shape[0], HIDDEN))
    (hidden, _), _ = jax.lax.scan(step, (nothing, nothing), by_input)
    return hidden @ w["head"] + w["level"] + ahead @ w["known"]


def loss(w, seen, ahead, came, there):
    error = jnp.abs(forecast(w, seen, ahead) - came)
    bent = jnp.minimum(error, 1)
    return jnp.sum(bent * (error - bent / 2) * there) / jnp.maximum(there.sum(), 1)


@jax.jit
def epoch(state, data, order):
    def batch(state, rows):
        w, first, second, steps = state
        gradient = jax.grad(loss)(w, *(array[rows] for array in data))
        gradient = {k: g * jnp.minimum(1, CLIP / (jnp.linalg.norm(g) + 1e-12)) for k, g in gradient.items()}
        steps = steps + 1
        first = {k: 0.9 * first[k] + 0.1 * g for k, g in gradient.items()}
        second = {k: 0.999 * second[k] + 0.001 * g * g for k, g in gradient.items()}
        scale = RATE * jnp.sqrt(1 - 0.999**steps) / (1 - 0.9**steps)
        w = {k: w[k] - scale * first[k] / (jnp.sqrt(second[k]) + 1e-8) for k in w}
        return (w, first, second, steps), None

    return jax.lax.scan(batch, state, order)[0]


validate = jax.jit(loss)


def train(rng, training, validation, inputs, horizon):
    w = weights(rng, inputs, horizon)
    nothing = {k: jnp.zeros_like(v) for k, v in w.items()}
    state = w, nothing, nothing, jnp.float32(0)
    count = len(training[0])
    size = min(BATCH, count)
    best, best_loss, worse = w, float(validate(w, *validation)), 0
    for _ in range(EPOCHS):
        order = rng.permutation(count)[: count // size * size].reshape(-1, size)
        state = epoch(state, training, jnp.asarray(order))
        now = float(validate(state[0], *validation))
        if now < best_loss:
            best, best_loss, worse = state[0], now, 0
        else:
            worse += 1
        if worse >= PATIENCE:
            break
    return best


def main(file, seeds):
    with open(file, encoding="ascii") as text:
        case = json.load(text)
    for series in case["series"]:
        for origin in series["origins"]:
            y = series["values"][:origin]
            windows = Windows(y, case["season"], case["horizon"])
            count = origin - WINDOW
            held_out = min(max(int(VALIDATION * count), case["horizon"]), count // 3)
            end = origin - held_out
            training = windows.at(range(WINDOW, end), end)
            validation = windows.at(range(end, origin), origin)
            inputs = training[0].shape[2]
            train(np.random.default_rng(0), training, validation, inputs, case["horizon"])
            for seed in range(1, seeds + 1):
                cpu = time.process_time()
                w = train(np.random.default_rng(seed), training, validation, inputs, case["horizon"])
                cpu = time.process_time() - cpu
                seen, ahead, *_ = windows.at([origin], origin)
                values = np.asarray(forecast(w, seen, ahead))[0] * windows.size[0] + windows.level[0]
                line = {"kind": "accuracy", "case": case["case"], "model": "jax", "id": series["id"], "origin": origin}
                print(json.dumps(line | {"seed": seed, "cpu": cpu, "forecast": values.tolist()}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
