// What hovering over the evidence graph shows: only what a box was made from, and what was made of it.
// And a card that a link leads to is opened.
for (const graph of document.querySelectorAll("svg.graph")) {
  const boxes = new Map([...graph.querySelectorAll(".box")].map((box) => [box.dataset.id, box]));
  const lines = [...graph.querySelectorAll(".lines path")];
  const reach = (start, near, far) => {
    const found = new Set([start]);
    for (const id of found) for (const line of lines) if (line.dataset[near] === id) found.add(line.dataset[far]);
    return found;
  };
  const show = (id) => {
    const above = reach(id, "to", "from");
    const below = reach(id, "from", "to");
    for (const [each, box] of boxes) box.classList.toggle("dim", !above.has(each) && !below.has(each));
    for (const line of lines) {
      const { from, to } = line.dataset;
      const on = (above.has(from) && above.has(to)) || (below.has(from) && below.has(to));
      line.classList.toggle("dim", !on);
      line.classList.toggle("on", on);
    }
  };
  const clear = () => {
    for (const each of [...boxes.values(), ...lines]) each.classList.remove("dim", "on");
  };
  for (const [id, box] of boxes) {
    box.addEventListener("pointerenter", () => show(id));
    box.addEventListener("focus", () => show(id));
    box.addEventListener("pointerleave", clear);
    box.addEventListener("blur", clear);
  }
}

function open() {
  const id = decodeURIComponent(location.hash.slice(1));
  const card = id && document.getElementById(id);
  if (!card) return;
  for (let each = card; each; each = each.parentElement) if (each.tagName === "DETAILS") each.open = true;
  card.scrollIntoView({ block: "start" });
}
addEventListener("hashchange", open);
open();
