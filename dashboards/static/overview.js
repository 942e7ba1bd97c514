// The overview: its chart, and what happens while it is open.
import { draw } from "./equity.js";
import { follow } from "./live.js";
import { changeAddress, plain } from "./state.js";

const charts = [...document.querySelectorAll("[data-equity]")].map(draw);
const parts = document.getElementById("live-parts");
if (parts) {
  const live = follow(parts, { onValues: (number) => charts.forEach((chart) => chart.reload(number)) });
  for (const chart of charts) chart.onModel = () => live.refresh();
  parts.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-rail]");
    if (!chip || !plain(event)) return;
    event.preventDefault();
    changeAddress({ rail: chip.dataset.rail === "trades" ? null : chip.dataset.rail });
    live.refresh();
  });
}
