// The equity chart: all models and the benchmark in one unit and period, drawdown beneath under the same crosshair.
// What it shows is in the page's address; without this script the page has the same as a still picture and a table.
import { amount, day, money, percent } from "./formats.js";
import { asked, changeAddress, plain } from "./state.js";

const RANGES = { "1w": 6, "1m": 22, "3m": 64, all: Infinity };
const WIDE = 700; // below it lines have no labels at their ends; the legend names them
const FEW = 5; // lines that a narrow chart names under a finger: the nearest
const GAP = 18;
const paper = matchMedia("print"); // what is drawn while a page is printed does not get onto the paper

// Places as near as possible to those wanted, `gap` apart, between low and high while there is room.
export function apart(wanted, gap, low, high) {
  const order = wanted.map((_, index) => index).sort((a, b) => wanted[a] - wanted[b]);
  const placed = [];
  let at = low - gap;
  for (const index of order) placed[index] = at = Math.max(wanted[index], at + gap);
  let limit = high;
  for (const index of order.reverse()) {
    placed[index] = Math.min(placed[index], limit);
    limit = placed[index] - gap;
  }
  return placed;
}

const make = (tag, classes = "", text = "") => {
  const node = document.createElement(tag);
  if (classes) node.className = classes;
  node.textContent = text;
  return node;
};

const share = (v) => (v === 0 ? percent(0, false, 0) : percent(v, true, Number.isInteger(Math.round(v * 1e6) / 1e4) ? 0 : 1));
const padded = (_, low, high) => {
  if (low === null || high === null) return [0, 1];
  const room = (high - low) * 0.05 || Math.max(Math.abs(high) * 0.05, 0.01);
  return [low - room, high + room];
};
const UNITS = {
  pct: { text: (v) => percent(v), axis: share, of: (nav, start) => nav / start - 1, market: (m) => m, base: () => 0 },
  eur: { text: (v) => money(v, 0), axis: (v) => amount(v, 0), of: (nav) => nav / 100, market: (m, start) => (start / 100) * (1 + m), base: (start) => start / 100 },
  rel: { text: (v) => percent(v), axis: share, of: (nav, start, m, base) => (m === null ? null : nav / start - 1 - (base ? (1 + m) / (1 + base) - 1 : m)), market: () => 0, base: () => 0 },
};

export function draw(host) {
  const box = host.querySelector(".plots");
  const chart = { reload: load, onModel: () => {} };
  if (!box) chart.reload = awaitLine;
  if (!box || typeof uPlot === "undefined") return chart;
  const state = {
    unit: Object.hasOwn(UNITS, asked("unit")) ? asked("unit") : "pct",
    range: Object.hasOwn(RANGES, asked("range")) ? asked("range") : "3m",
    model: host.dataset.model ?? asked("model"),
  };
  let data = null;
  let plots = [];
  let tip = null;
  let drawings = 0;
  let loads = 0;

  // With the number of the message that told of a change: an answer from just before it has another address. What
  // was asked for last is drawn; rejects when there is no answer.
  async function load(number) {
    const turn = ++loads;
    let found;
    try {
      const early = window.early?.[host.dataset.equity];
      if (early) delete window.early[host.dataset.equity];
      const answer = (await early) ?? (await fetch(number === undefined ? host.dataset.equity : `${host.dataset.equity}?n=${number}`));
      if (!answer.ok) throw new Error(answer.status);
      found = await answer.json();
    } catch (error) {
      if (!data) box.replaceChildren(make("p", "empty", "The chart’s numbers cannot be read at the moment. Load the page again."));
      throw error;
    }
    if (turn !== loads) return;
    data = found;
    if (!data.models.some((model) => model.id === state.model)) state.model = null;
    render();
  }

  function lines() {
    const unit = UNITS[state.unit];
    const cut = Math.max(0, data.days.length - RANGES[state.range]);
    const shown = data.models.filter((model) => state.model === null || model.id === state.model);
    const rows = shown.map((model) => ({
      name: model.id,
      classes: model.classes,
      values: model.nav.map((nav, i) => (nav === null ? null : unit.of(nav, data.start, data.market[i], model.base))).slice(cut),
      drawdown: model.drawdown.map((value) => (value === null ? null : value / 10000)).slice(cut),
    }));
    const market = data.market.slice(cut).map((m) => (m === null ? null : unit.market(m, data.start)));
    rows.push({ name: host.dataset.benchmark, classes: "sb", values: market, drawdown: null });
    return { rows, days: data.days.slice(cut), unit };
  }

  function colours() {
    const probe = make("span");
    host.append(probe);
    const style = getComputedStyle(document.documentElement);
    const of = (classes) => { probe.className = classes; return getComputedStyle(probe).getPropertyValue("--series").trim(); };
    return { of, text: style.getPropertyValue("--quiet").trim(), grid: style.getPropertyValue("--grid").trim(), done: () => probe.remove() };
  }

  function render() {
    for (const plot of plots) plot.destroy();
    const { rows, days, unit } = lines();
    const colour = colours();
    const width = box.clientWidth;
    const wide = width >= WIDE;
    const labels = Math.min(100 + 7.2 * Math.max(...rows.map((row) => row.name.length)), width / 3);
    const index = days.map((_, i) => i);
    const font = "12px Inter, system-ui, sans-serif";
    const axis = { stroke: colour.text, font, ticks: { show: false }, grid: { stroke: colour.grid, width: 1 } };
    const ends = make("div", "ends");
    const hover = { at: null };
    tip = make("div", "tip");
    tip.hidden = true;

    const dates = {
      ...axis,
      grid: { show: false },
      splits: () => dateSplits(days, width - (wide ? labels : 0)),
      values: (_, splits) => splits.map((i) => (days[i] ? dated(days[i], days.length > 260) : "")),
      size: 26,
    };
    const line = (row) => ({
      stroke: colour.of(row.classes),
      width: row.classes === "sb" ? 2.4 : 1.8,
      dash: row.classes === "sb" ? [7, 5] : row.classes.includes("dashed") ? [3, 3] : undefined,
      points: { show: days.length < 2 },
      spanGaps: false,
    });
    const common = (height, values, x) => ({
      width,
      height,
      legend: { show: false },
      padding: [10, wide ? labels : 10, 0, 0],
      focus: { alpha: 0.25 },
      cursor: { sync: { key: "equity" }, drag: { x: false, y: false }, focus: { prox: 16 }, points: { size: 6 }, y: false },
      scales: { x: { time: false, range: () => [0, Math.max(days.length - 1, 1)] }, y: { range: padded } },
      axes: [x, { ...axis, size: 64, space: 44, values: (_, splits) => splits.map(values) }],
    });
    const value = {
      ...common(wide ? 420 : 290, unit.axis, { ...dates, show: false }),
      series: [{}, ...rows.map(line)],
      hooks: {
        drawClear: [(u) => baseline(u, unit.base(data.start), colour.text)],
        draw: [(u) => wide && label(u, ends, rows, unit)],
        setCursor: [(u) => point(u, rows, days, unit, hover)],
        setSeries: [(u, i) => { for (const [n, node] of [...ends.children].entries()) node.classList.toggle("faint", i !== null && Number(node.dataset.series) !== i); }],
      },
    };
    value.axes[0] = { ...dates, values: (_, splits) => splits.map(() => ""), size: 6 };
    const below = rows.filter((row) => row.drawdown);
    const fall = { ...common(wide ? 120 : 100, share, dates), series: [{}, ...below.map(line)] };

    const top = make("div", "part");
    const bottom = make("div", "part");
    box.replaceChildren(top, make("p", "title", "Drawdown from the highest value so far"), bottom);
    plots = [new uPlot(value, [index, ...rows.map((row) => row.values)], top)];
    plots[0].root.append(ends, tip);
    colour.done();
    mark();
    if (host.querySelector("details.numbers")?.open) fill();
    const turn = ++drawings;
    // What one looks at first is drawn first.
    requestAnimationFrame(() => {
      performance.mark("arena:chart");
      setTimeout(() => {
        if (turn !== drawings) return;
        plots.push(new uPlot(fall, [index, ...below.map((row) => row.drawdown)], bottom));
        host.dataset.drawn = String(rows.length);
      });
    });
  }

  function baseline(u, at, stroke) {
    const y = Math.round(u.valToPos(at, "y", true));
    if (y < u.bbox.top || y > u.bbox.top + u.bbox.height) return;
    u.ctx.save();
    u.ctx.strokeStyle = stroke;
    u.ctx.setLineDash([3, 5]);
    u.ctx.beginPath();
    u.ctx.moveTo(u.bbox.left, y);
    u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
    u.ctx.stroke();
    u.ctx.restore();
  }

  // Names and values where the lines end. As elements, so that they follow the theme and can be read.
  function label(u, ends, rows, unit) {
    const known = rows
      .map((row, n) => ({ row, n, value: row.values.findLast((each) => each !== null) }))
      .filter((each) => each.value !== undefined);
    const top = u.bbox.top / devicePixelRatio;
    const places = apart(known.map((each) => u.valToPos(each.value, "y")), GAP, GAP / 2, u.bbox.height / devicePixelRatio - GAP / 2);
    ends.style.left = `${(u.bbox.left + u.bbox.width) / devicePixelRatio + 8}px`;
    ends.style.top = `${top}px`;
    ends.replaceChildren(...known.map((each, i) => {
      const node = make("span");
      node.dataset.series = each.n + 1;
      node.style.top = `${places[i]}px`;
      node.append(make("i", each.row.classes), make("b", "", unit.text(each.value)), each.row.name);
      return node;
    }));
  }

  function point(u, rows, days, unit, hover) {
    const { idx, left } = u.cursor;
    if (idx === null || idx === undefined || left < 0 || !days[idx]) { tip.hidden = true; hover.at = null; return; }
    if (hover.at !== idx) {
      hover.at = idx;
      const lines = rows
        .map((row) => ({ row, value: row.values[idx] }))
        .filter((each) => each.value !== null)
        .sort((a, b) => away(u, a) - away(u, b))
        .slice(0, u.width < WIDE ? FEW : undefined)
        .sort((a, b) => b.value - a.value)
        .map(({ row, value }) => {
          const line = make("div");
          line.append(make("i", row.classes), make("span", "", row.name), make("span", "", unit.text(value)), make("span", "down", row.drawdown ? percent(row.drawdown[idx], false, 1) : ""));
          return line;
        });
      const head = make("div", "head");
      head.append(make("i"), make("strong", "", day(days[idx])), make("span"), make("span", "down", "drawdown"));
      tip.replaceChildren(head, ...lines);
      tip.hidden = false;
    }
    const start = u.bbox.left / devicePixelRatio;
    const room = u.bbox.width / devicePixelRatio;
    const after = left < room / 2;
    tip.style.top = "14px";
    tip.style.left = after ? `${start + left + 16}px` : "";
    tip.style.right = after ? "" : `${u.width - start - left + 16}px`;
  }

  const away = (u, each) => Math.abs(u.valToPos(each.value, "y") - u.cursor.top);

  // The chips show what is chosen, and lead to the same by address.
  function mark() {
    for (const [name, key] of [["unit", "unit"], ["range", "range"], ["model", "model"]]) {
      for (const chip of host.querySelectorAll(`[data-${name}]`)) {
        if (chip === host) continue;
        if (chip.dataset[name] === state[key]) chip.setAttribute("aria-current", "true");
        else chip.removeAttribute("aria-current");
      }
    }
  }

  function fill() {
    const { rows, days, unit } = lines();
    const table = host.querySelector("details.numbers table");
    const head = make("tr");
    const corner = make("th", "", "Day");
    corner.scope = "col";
    head.append(corner, ...rows.map((row) => {
      const cell = make("th", "number");
      cell.scope = "col";
      cell.append(make("span", `dot ${row.classes}`), ` ${row.name}`);
      return cell;
    }));
    const body = days.map((each, i) => {
      const line = make("tr");
      const first = make("th", "", day(each));
      first.scope = "row";
      line.append(first, ...rows.map((row) => make("td", "number", unit.axis === UNITS.eur.axis ? amount(row.values[i], 0) : unit.text(row.values[i]))));
      return line;
    });
    table.tHead.replaceChildren(head);
    table.tBodies[0].replaceChildren(...body.reverse());
  }

  host.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-unit], [data-range], a[data-model]");
    if (!chip || !data || !plain(event)) return;
    event.preventDefault();
    const before = state.model;
    if (chip.dataset.unit) state.unit = chip.dataset.unit;
    if (chip.dataset.range) state.range = chip.dataset.range;
    if (chip.dataset.model) state.model = state.model === chip.dataset.model ? null : chip.dataset.model;
    changeAddress({
      unit: state.unit === "pct" ? null : state.unit,
      range: state.range === "3m" ? null : state.range,
      ...(host.dataset.model ? {} : { model: state.model }),
    });
    render();
    if (before !== state.model) chart.onModel(state.model);
  });
  host.querySelector("details.numbers")?.addEventListener("toggle", (event) => { if (event.target.open && data) fill(); });
  box.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !plots.length) return;
    event.preventDefault();
    const most = plots[0].data[0].length - 1;
    const next = Math.min(Math.max((plots[0].cursor.idx ?? most + (step < 0 ? 1 : 0)) + step, 0), most);
    plots[0].setCursor({ left: plots[0].valToPos(next, "x"), top: 0 });
  });
  box.addEventListener("blur", () => { tip && (tip.hidden = true); });
  addEventListener("arena:colours", () => data && render());
  let drawnAt = box.clientWidth;
  new ResizeObserver(() => { if (data && !paper.matches && Math.abs(box.clientWidth - drawnAt) > 1) { drawnAt = box.clientWidth; render(); } }).observe(box);
  load().catch(() => {});
  return chart;
}

// A page that had too few days for a line is loaded again once there are enough.
async function awaitLine() {
  const answer = await fetch("/dash/equity.json");
  if (answer.ok && (await answer.json()).days.length > 1) location.reload();
}

// "24 Oct", or over more than a year "Oct 2025".
const dated = (text, long) => (long ? day(text).replace(/^\d+ /, "") : day(text).slice(0, -5));

// First days of months where the span is long, else evenly chosen days; as many as have room.
function dateSplits(days, width) {
  const most = Math.max(2, Math.floor(width / 90));
  const months = days.map((each, i) => i).filter((i) => i === 0 || days[i].slice(0, 7) !== days[i - 1].slice(0, 7));
  const all = months.length >= 4 ? months : days.map((_, i) => i);
  const every = Math.ceil(all.length / most);
  const apart = (70 / Math.max(width, 1)) * (days.length - 1);
  // The first day of all is left out where the next month begins too close to it.
  return all.filter((_, n) => n % every === 0).filter((i, n, kept) => n > 0 || kept.length < 2 || kept[1] - i >= apart);
}
