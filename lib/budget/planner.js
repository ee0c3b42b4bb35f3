"use strict";
// What a budget should buy: the planner of notebook 05 for a browser. Formula and rules are those of lib/budget, where the reasons
// stand. A surface is {best, draws, deviation, deviations, leans, shifts, centers, units, length, items, reach}: draws are its
// refits, shifts the error of each from the choice of the test items, in standard deviations.

const SHARES = [0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09];
for (let part = 4; part < 40; part++) SHARES.push(part / 40);
SHARES.push(0.99, 1);
const FAR = 2;
const WIDTHS = [0.7, 0.7, 1.5, 0.6, 1.5, 1.7, 2.0, 1.0];
const REFITS = 100, UNKNOWN_NOISE = 0.02, LEAST_NOISE = 0.002, DEVIATION = 0.008, LEANING = 0.4;

const clip = (value) => Math.min(1, Math.max(0, value));
const sum = (values) => values.reduce((total, value) => total + value, 0);
const dot = (one, other) => sum(one.map((value, place) => value * other[place]));

// ---- scores ----

/** The score that the formula expects of h human and s synthetic examples; `logs` are the logarithms of its parameters. */
function expectedScore(logs, h, s) {
  const [floor, gain, n0, alpha, k, S, B, c] = logs.map(Math.exp);
  const g = (k * s) / (1 + s / S), t = n0 + h + g, worth = t + ((c - 1) * h * g) / t;
  return 1 - floor - gain * Math.pow(worth / n0, -alpha) - (B * g) / t;
}

/** The part of what a student learned that it has from synthetic examples. */
function lean(logs, h, s) {
  const g = (Math.exp(logs[4]) * s) / (1 + s / Math.exp(logs[5]));
  return g / Math.max(h + g, 1e-9);
}

function bumpsAt(surface, h, s) {
  const place = [Math.log1p(h / surface.units[0]), Math.log1p(s / surface.units[1])];
  return surface.centers.map((center) =>
    Math.exp((-0.5 * ((center[0] - place[0]) ** 2 + (center[1] - place[1]) ** 2)) / surface.length ** 2));
}

function bestScore(surface, h, s) {
  return clip(expectedScore(surface.best, h, s) + dot(surface.deviation, bumpsAt(surface, h, s)));
}

/** Every refit's score, where no source is favoured by the choice of the test items. */
function scoresOfRefits(surface, h, s) {
  const bumps = bumpsAt(surface, h, s);
  return surface.draws.map((logs, place) => {
    const onThisTest = clip(expectedScore(logs, h, s) + dot(surface.deviations[place], bumps));
    return clip(onThisTest - surface.leans[place] * lean(logs, h, s));
  });
}

// ---- what a budget buys ----

const nano = (dollars) => BigInt(Math.floor(dollars * 1e9 + 1e-3));

/** How many human and synthetic examples a budget buys if this share of it goes to the model. */
function bought(budget, share, prices) {
  const whole = nano(budget), forSynthetic = (whole * BigInt(Math.round(share * 1e6))) / 1000000n;
  const most = (money, price) => Number(money / (nano(price) || 1n));
  return [share === 1 ? 0 : most(whole - forSynthetic, prices.human), most(forSynthetic, prices.synthetic)];
}

/** The value at a part of the sorted values, one of them. */
function quantile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length - 1e-9) - 1)];
}

/** Each share of a budget with what it buys and its scores; at most `far` times as many examples as were tried. */
function mixesOf(surface, budget, prices, far) {
  return SHARES.map((share) => {
    const most = bought(budget, share, prices);
    const [h, s] = most.map((n, source) => Math.min(n, far * surface.reach[source]));
    const mix = { share, h, s, limited: h < most[0] || s < most[1], nothing: h + s === 0 };
    mix.score = mix.nothing ? -Infinity : bestScore(surface, h, s);
    mix.refits = mix.nothing ? surface.draws.map(() => -Infinity) : scoresOfRefits(surface, h, s);
    return mix;
  });
}

const topOf = (mixes, scoreOf) => mixes.reduce((top, mix) => (scoreOf(mix) > scoreOf(top) ? mix : top));

/** The best mix of a budget, the interval of its share for people and of its score, and each source alone. */
function plan(surface, budget, prices) {
  const mixes = mixesOf(surface, budget, prices, FAR), best = topOf(mixes, (mix) => mix.score);
  if (best.nothing) return null;
  const unlimited = mixesOf(surface, budget, prices, Infinity);
  const shares = surface.draws.map((_, refit) => topOf(unlimited, (mix) => mix.refits[refit]).share);
  const [low, high] = scoreInterval(surface, best.refits);
  return {
    ...best, mixes, low, high, people: 1 - best.share,
    peopleLow: 1 - Math.max(best.share, quantile(shares, 0.95)), peopleHigh: 1 - Math.min(best.share, quantile(shares, 0.05)),
    humanAlone: mixes[0].score, syntheticAlone: mixes[mixes.length - 1].score,
    beyond: best.h > surface.reach[0] || best.s > surface.reach[1],
  };
}

/** The middle 90% of the scores on other test items. */
function scoreInterval(surface, refits) {
  const mean = sum(refits) / refits.length, error = Math.sqrt((mean * (1 - mean)) / surface.items);
  const shifted = refits.map((score, place) => clip(score + error * surface.shifts[place]));
  return [quantile(shifted, 0.05), quantile(shifted, 0.95)];
}

// ---- a surface from scores of your own ----

/** Random numbers of the normal distribution, the same ones for a seed. */
function normals(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** The rows of a CSV with the columns n_human, n_synthetic, seed and score, in any order. */
function readScores(text) {
  const lines = text.trim().split(/\r?\n/).map((line) => line.split(/[,;\t]/).map((part) => part.trim().replace(/^"|"$/g, "")));
  const places = ["n_human", "n_synthetic", "seed", "score"].map((name) => lines[0].indexOf(name));
  const missing = ["n_human", "n_synthetic", "seed", "score"].filter((_, column) => places[column] < 0);
  if (missing.length) throw new Error(`The first line names no column ${missing.join(", ")}.`);
  return lines.slice(1).map((parts, number) => {
    const [h, s, seed, score] = places.map((place) => (parts[place] ? Number(parts[place]) : NaN));
    if (!(Number.isInteger(h) && h >= 0 && Number.isInteger(s) && s >= 0))
      throw new Error(`Line ${number + 2}: n_human and n_synthetic are whole numbers from 0 up.`);
    if (!(score >= 0 && score <= 1)) throw new Error(`Line ${number + 2}: a score lies between 0 and 1; divide percents by 100.`);
    return { h, s, seed, score };
  });
}

/** The mean score of each mix, and how sure it is. */
function meansOf(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(`${row.h} ${row.s}`, [...(groups.get(`${row.h} ${row.s}`) || []), row]);
  const cells = [...groups.values()].map((runs) => {
    const mean = sum(runs.map((run) => run.score)) / runs.length;
    return { h: runs[0].h, s: runs[0].s, mean, runs: runs.length, squares: sum(runs.map((run) => (run.score - mean) ** 2)) };
  });
  const degrees = sum(cells.map((cell) => cell.runs - 1));
  const noise = degrees ? Math.max(Math.sqrt(sum(cells.map((cell) => cell.squares)) / degrees), LEAST_NOISE) : UNKNOWN_NOISE;
  for (const cell of cells) cell.error = Math.hypot(noise / Math.sqrt(cell.runs), DEVIATION);
  return cells;
}

function checkCanTell(cells) {
  for (const [name, key] of [["n_human", "h"], ["n_synthetic", "s"]])
    if (new Set(cells.map((cell) => cell[key]).filter((n) => n > 0)).size < 2)
      throw new Error(`These runs cannot tell what a mix is worth: they need two different ${name} above 0.`);
  if (cells.length < 5) throw new Error(`${cells.length} mixes cannot tell what a mix is worth: they need at least five.`);
  const means = cells.map((cell) => cell.mean);
  if (Math.max(...means) - Math.min(...means) < LEAST_NOISE) throw new Error("The scores do not change with the mix.");
}

function priorOf(cells) {
  const means = cells.map((cell) => cell.mean), top = Math.max(...means);
  const range = Math.max(top - Math.min(...means), 0.02);
  const humans = cells.map((cell) => cell.h).filter((h) => h > 0);
  const size = Math.exp(sum(humans.map(Math.log)) / humans.length);
  const most = Math.max(...cells.map((cell) => cell.s));
  return [Math.max(0.6 * (1 - top), 0.02), 1.5 * range, 0.3 * size, 0.6, 0.3, most, 0.1 * range, 1.5].map(Math.log);
}

/** Solves a small system of linear equations. */
function solve(matrix, right) {
  const rows = matrix.map((row, place) => [...row, right[place]]), n = rows.length;
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let row = column; row < n; row++) if (Math.abs(rows[row][column]) > Math.abs(rows[pivot][column])) pivot = row;
    [rows[column], rows[pivot]] = [rows[pivot], rows[column]];
    for (let row = 0; row < n; row++) {
      if (row === column) continue;
      const factor = rows[row][column] / rows[column][column];
      for (let place = column; place <= n; place++) rows[row][place] -= factor * rows[column][place];
    }
  }
  return rows.map((row, place) => row[n] / row[place]);
}

/** The parameters that fit the targets best, by the method of Levenberg and Marquardt. */
function descend(cells, start, targets, priors) {
  const residuals = (logs) => [
    ...cells.map((cell, place) => (expectedScore(logs, cell.h, cell.s) - targets[place]) / cell.error),
    ...logs.map((value, place) => (value - priors[place]) / WIDTHS[place]),
  ];
  let logs = start, off = residuals(logs), cost = dot(off, off), damping = 0.01;
  for (let step = 0; step < 60 && damping < 1e9; step++) {
    const slopes = logs.map((_, place) => {  // One row a parameter.
      const moved = residuals(logs.map((value, other) => value + (other === place ? 1e-5 : 0)));
      return moved.map((value, row) => (value - off[row]) / 1e-5);
    });
    const hessian = slopes.map((one, row) => slopes.map((other, column) => dot(one, other) * (row === column ? 1 + damping : 1)));
    const change = solve(hessian, slopes.map((one) => dot(one, off)));
    const next = logs.map((value, place) => value - Math.min(1.5, Math.max(-1.5, change[place])));
    const nextOff = residuals(next), nextCost = dot(nextOff, nextOff), gain = cost - nextCost;
    if (nextCost <= cost) [logs, off, cost, damping] = [next, nextOff, nextCost, damping * 0.2];
    else damping *= 5;
    if (gain >= 0 && gain < 1e-6) break;
  }
  return { logs, cost };
}

/** A surface through scores of your own, without the smooth deviation that notebook 05 adds; errors are wider for it. */
function fitSurface(rows, items) {
  const cells = meansOf(rows);
  checkCanTell(cells);
  const priors = priorOf(cells), means = cells.map((cell) => cell.mean), normal = normals(7);
  const starts = [0, 0.5, 1].map((distance) => priors.map((value, place) => value + distance * normal() * WIDTHS[place]));
  const fits = starts.map((start) => descend(cells, start, means, priors));
  const best = fits.reduce((top, fit) => (fit.cost < top.cost ? fit : top)).logs;
  const draws = Array.from({ length: REFITS }, () => {
    const targets = cells.map((cell) => cell.mean + cell.error * normal());
    return descend(cells, best, targets, priors.map((value, place) => value + normal() * WIDTHS[place])).logs;
  });
  const reach = [Math.max(...cells.map((cell) => cell.h)), Math.max(...cells.map((cell) => cell.s))];
  const none = { centers: [], deviation: [], deviations: draws.map(() => []), units: [1, 1], length: 1 };
  return { ...none, best, draws, leans: draws.map(() => (LEANING / Math.sqrt(items)) * normal()), shifts: draws.map(normal), items, reach };
}

if (typeof module !== "undefined") module.exports = { bestScore, bought, fitSurface, plan, readScores, scoresOfRefits };
