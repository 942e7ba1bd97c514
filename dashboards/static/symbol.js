// One share's prices: candles or closes with averages and bands, every model's trades, news on the time axis;
// volume and RSI beneath, under the same crosshair. Without this script the page has a picture and a table.
import { amount, day, money } from "./formats.js";

const host = document.getElementById("chart");
const box = host?.querySelector(".plots");
const HEIGHTS = { price: [390, 290], volume: [84, 70], rsi: [112, 96] };
const AVERAGES = [["sma_20", "--avg-1"], ["sma_50", "--avg-2"], ["sma_200", "--avg-3"]];
const price = host?.dataset.points === "true" ? (value) => amount(value) : money;
let data = null;
let plots = [];

const make = (tag, classes = "", text = "") => {
  const node = document.createElement(tag);
  if (classes) node.className = classes;
  node.textContent = text;
  return node;
};

async function load() {
  try {
    const answer = await fetch(host.dataset.series);
    if (!answer.ok) throw new Error(answer.status);
    data = await answer.json();
  } catch {
    box.replaceChildren(make("p", "empty", "The chart’s numbers cannot be read at the moment. Load the page again."));
    return;
  }
  render();
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  const probe = make("span");
  host.append(probe);
  const series = (classes) => { probe.className = classes; return getComputedStyle(probe).getPropertyValue("--series").trim(); };
  const models = new Map(data.trades.map((trade) => [trade.model, series(trade.classes)]));
  probe.remove();
  return { text: of("--text"), quiet: of("--quiet"), grid: of("--grid"), up: of("--gain"), down: of("--loss"), news: of("--news"), surface: of("--surface"), of, models };
}

function dateSplits(width) {
  const most = Math.max(2, Math.floor(width / 90));
  const months = data.days.map((_, i) => i).filter((i) => i === 0 || data.days[i].slice(0, 7) !== data.days[i - 1].slice(0, 7));
  const all = months.length >= 4 ? months : data.days.map((_, i) => i);
  const chosen = all.filter((_, n) => n % Math.ceil(all.length / most) === 0);
  return chosen.length > 1 && (chosen[1] - chosen[0]) * width < 70 * data.days.length ? chosen.slice(1) : chosen;
}

function render() {
  for (const plot of plots) plot.destroy();
  const width = box.clientWidth;
  const small = width < 700 ? 1 : 0;
  const colour = colours();
  const index = data.days.map((_, i) => i);
  const axis = { stroke: colour.quiet, font: "12px Inter, system-ui, sans-serif", ticks: { show: false }, grid: { stroke: colour.grid, width: 1 } };
  const dates = { ...axis, grid: { show: false }, size: 26, splits: () => dateSplits(width), values: (_, splits) => splits.map((i) => (data.days[i] ? day(data.days[i]).slice(0, -5) : "")) };
  const none = { ...dates, size: 4, values: (_, splits) => splits.map(() => "") };
  const tip = make("div", "tip");
  tip.hidden = true;
  const common = (height, y, x) => ({
    width,
    height: height[small],
    legend: { show: false },
    padding: [8, 10, 0, 0],
    cursor: { sync: { key: "symbol" }, drag: { x: false, y: false }, y: false, points: { show: false } },
    scales: { x: { time: false, range: () => [-0.7, data.days.length - 0.3] }, y: y.range ? { range: y.range } : {} },
    axes: [x, { ...axis, size: 62, space: y.space ?? 40, values: (_, splits) => splits.map((v) => y.text(v, splits)), ...(y.splits ? { splits: () => y.splits } : {}) }],
  });
  const line = (stroke, more = {}) => ({ stroke, width: 1.4, points: { show: false }, ...more });
  const candles = host.dataset.kind !== "line";
  const low = Math.min(...data.low, ...data.bollinger_lower.filter((v) => v !== null));
  const high = Math.max(...data.high, ...data.bollinger_upper.filter((v) => v !== null));
  const room = (high - low) * 0.06 || 1;
  const prices = {
    ...common(HEIGHTS.price, { text: (v, all) => amount(v, all.every(Number.isInteger) ? 0 : high - low < 5 ? 2 : 1), range: () => [low - 1.6 * room, high + room] }, none),
    series: [
      {},
      line(candles ? "transparent" : colour.text, { width: 1.8 }),
      ...AVERAGES.map(([, name]) => line(colour.of(name))),
      line("transparent"),
      line("transparent"),
    ],
    bands: [{ series: [6, 5], fill: `color-mix(in srgb, ${colour.quiet} 13%, transparent)` }],
    hooks: {
      draw: [(u) => { if (candles) drawCandles(u, colour); drawNews(u, colour); drawTrades(u, colour); }],
      setCursor: [(u) => point(u, tip)],
    },
  };
  const volume = {
    ...common(HEIGHTS.volume, { text: (v) => (v >= 1e6 ? `${amount(v / 1e6, v % 1e6 ? 1 : 0)} M` : v >= 1e3 ? `${amount(v / 1e3, 0)} k` : amount(v, 0)), range: (_, __, most) => [0, (most ?? 1) * 1.05], space: 26 }, none),
    series: [{}, { stroke: colour.quiet, fill: colour.quiet, width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.65, 18] }) }],
  };
  const rsi = {
    ...common(HEIGHTS.rsi, { text: (v) => amount(v, 0), range: () => [0, 100], splits: [0, 30, 70, 100], space: 20 }, dates),
    series: [{}, line(colour.of("--avg-2"), { width: 1.6 })],
  };
  const parts = ["part", "part", "part"].map((classes) => make("div", classes));
  box.replaceChildren(parts[0], make("p", "title", "Volume, shares"), parts[1], make("p", "title", "RSI of 14 days"), parts[2]);
  plots = [
    new uPlot(prices, [index, data.close, ...AVERAGES.map(([name]) => data[name]), data.bollinger_lower, data.bollinger_upper], parts[0]),
    new uPlot(volume, [index, data.volume], parts[1]),
    new uPlot(rsi, [index, data.rsi_14], parts[2]),
  ];
  plots[0].root.append(tip);
  host.dataset.drawn = String(data.days.length);
}

function drawCandles(u, colour) {
  const { ctx } = u;
  const step = u.valToPos(1, "x", true) - u.valToPos(0, "x", true);
  const wide = Math.max(1, Math.min(step * 0.62, 16 * devicePixelRatio));
  ctx.save();
  ctx.lineWidth = Math.max(1, devicePixelRatio);
  for (let i = 0; i < data.days.length; i += 1) {
    const x = Math.round(u.valToPos(i, "x", true));
    const [open, top, bottom, close] = [data.open[i], data.high[i], data.low[i], data.close[i]].map((value) => u.valToPos(value, "y", true));
    const rose = data.close[i] >= data.open[i];
    ctx.strokeStyle = rose ? colour.up : colour.down;
    ctx.fillStyle = rose ? colour.surface : colour.down; // hollow when it rose: colour is not alone
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, bottom);
    ctx.stroke();
    const height = Math.max(Math.abs(close - open), 1);
    ctx.fillRect(x - wide / 2, Math.min(open, close), wide, height);
    ctx.strokeRect(x - wide / 2, Math.min(open, close), wide, height);
  }
  ctx.restore();
}

function drawNews(u, colour) {
  const { ctx, bbox } = u;
  const counts = new Map();
  ctx.save();
  ctx.fillStyle = colour.news;
  for (const { at } of data.news) {
    const before = counts.get(at) ?? 0;
    counts.set(at, before + 1);
    if (before > 3) continue; // a busy day: four dots stand for more
    ctx.beginPath();
    ctx.arc(u.valToPos(at, "x", true), bbox.top + bbox.height - (6 + 7 * before) * devicePixelRatio, 2.6 * devicePixelRatio, 0, 2 * Math.PI);
    ctx.fill();
  }
  ctx.restore();
}

// ▲ under the bar for a purchase, ▼ over it for a sale; those of one day stand side by side.
function drawTrades(u, colour) {
  const { ctx } = u;
  const size = 5 * devicePixelRatio;
  const counts = new Map();
  ctx.save();
  for (const { at, side, model } of data.trades) {
    const key = `${at} ${side}`;
    const before = counts.get(key) ?? 0;
    counts.set(key, before + 1);
    const buy = side === "buy";
    const x = u.valToPos(at, "x", true);
    const y = u.valToPos(buy ? data.low[at] : data.high[at], "y", true) + (buy ? 1 : -1) * (2.4 + 2.6 * before) * size;
    ctx.fillStyle = colour.models.get(model);
    ctx.strokeStyle = colour.surface;
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, y - (buy ? size : -size));
    ctx.lineTo(x - size, y + (buy ? size : -size));
    ctx.lineTo(x + size, y + (buy ? size : -size));
    ctx.closePath();
    ctx.stroke();
    ctx.fill();
  }
  ctx.restore();
}

function point(u, tip) {
  const { idx, left } = u.cursor;
  if (idx === null || idx === undefined || left < 0 || !data.days[idx]) { tip.hidden = true; return; }
  const row = (name, value) => { const node = make("div"); node.append(make("span", "quiet", name), make("span", "", value)); return node; };
  const trades = data.trades.filter((trade) => trade.at === idx);
  const news = data.news.filter((each) => each.at === idx);
  tip.replaceChildren(
    make("strong", "", day(data.days[idx])),
    ...["open", "high", "low", "close"].map((name) => row(name[0].toUpperCase() + name.slice(1), price(data[name][idx]))),
    row("Volume", amount(data.volume[idx], 0)), row("RSI 14", amount(data.rsi_14[idx], 1)),
    ...trades.slice(0, 5).map((trade) => make("p", "", `${trade.model}: ${trade.side} ${amount(trade.quantity, 0)} at ${amount(trade.price)}`)),
    ...(trades.length > 5 ? [make("p", "", `and ${trades.length - 5} more trades`)] : []),
    ...news.slice(0, 3).map((each) => make("p", "", `• ${each.title}`)),
    ...(news.length > 3 ? [make("p", "", `and ${news.length - 3} more articles`)] : []),
  );
  tip.hidden = false;
  const start = u.bbox.left / devicePixelRatio;
  const after = left < u.bbox.width / devicePixelRatio / 2;
  tip.style.left = after ? `${start + left + 16}px` : "";
  tip.style.right = after ? "" : `${u.width - start - left + 16}px`;
}

if (box && typeof uPlot !== "undefined") {
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !plots.length) return;
    event.preventDefault();
    const most = data.days.length - 1;
    const next = Math.min(Math.max((plots[0].cursor.idx ?? most + (step < 0 ? 1 : 0)) + step, 0), most);
    plots[0].setCursor({ left: plots[0].valToPos(next, "x"), top: 0 });
  });
  box.addEventListener("blur", () => { for (const plot of plots) plot.setCursor({ left: -10, top: -10 }); });
  addEventListener("arena:colours", () => data && render());
  let drawnAt = box.clientWidth;
  new ResizeObserver(() => {
    if (data && !matchMedia("print").matches && Math.abs(box.clientWidth - drawnAt) > 1) { drawnAt = box.clientWidth; render(); }
  }).observe(box);
  load();
}
