// A page with the equity chart, the overview or a model's, and what happens while it is open.
import { draw } from "./equity.js";
import { follow } from "./live.js";
import { changeAddress, plain } from "./state.js";

const charts = [...document.querySelectorAll("[data-equity]")].map(draw);
const page = document.querySelector("[data-live]");
const live = follow(page, {
  onValues: (number) => Promise.all(charts.map((chart) => chart.reload(number))),
});
for (const chart of charts) chart.onModel = () => live.refresh();
page.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-rail]");
  if (!chip || !plain(event)) return;
  event.preventDefault();
  changeAddress({ rail: chip.dataset.rail === "trades" ? null : chip.dataset.rail });
  live.refresh();
});
