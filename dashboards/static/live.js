// Keeps a page true while it is open. A message over /ws/live says that something is new; if it is of a kind that
// the page shows, the parts that depend on it are asked for, ready made, and put in the old ones' place. Messages are
// numbered: after a break the connection asks for what followed the last one it has seen.
import { asked } from "./state.js";

const AT_LEAST = 1000; // milliseconds between two refreshes while messages come in a burst
const SOON = 80;
const VALUES = new Set(["snapshot", "board"]);

export function follow(host, { onValues = () => {} } = {}) {
  const shown = document.getElementById("live");
  const announce = document.getElementById("announce");
  const kinds = new Set(host.dataset.kinds.split(" ").filter(Boolean));
  let last = Number(host.dataset.number);
  let wait = 500;
  let timer = 0;
  let refreshed = -Infinity;
  let values = false;
  let turn = 0;
  let told = -Infinity;
  let waiting = false;

  function say(text, state) {
    if (!shown) return;
    shown.hidden = false;
    shown.textContent = text;
    shown.dataset.state = state;
  }

  function schedule(kind) {
    values ||= VALUES.has(kind);
    waiting = document.hidden; // nobody looks: it is enough to be true when somebody does
    if (timer || waiting) return;
    const pause = Math.max(SOON, refreshed + AT_LEAST - performance.now());
    timer = setTimeout(refresh, pause);
  }

  async function refresh() {
    clearTimeout(timer);
    timer = 0;
    refreshed = performance.now();
    if (!host.querySelector("[data-part]")) return location.reload(); // it said that there was nothing yet
    const mine = ++turn;
    const address = new URL(host.dataset.live, location.href);
    for (const name of ["model", "rail"]) if (asked(name)) address.searchParams.set(name, asked(name));
    address.searchParams.set("n", last);
    if (values) { values = false; onValues(last); }
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(answer.status);
      const text = await answer.text();
      if (mine === turn) put(new DOMParser().parseFromString(text, "text/html"));
    } catch {
      if (mine === turn) timer = setTimeout(refresh, 3000);
    }
  }

  function put(made) {
    let fresh = 0;
    for (const part of made.querySelectorAll("[data-part]")) {
      const old = document.getElementById(part.id);
      if (!old || old.isEqualNode(part)) continue;
      const before = new Set([...old.querySelectorAll("[data-id]")].map((each) => each.dataset.id));
      const same = old.querySelector("[data-rail][aria-current]")?.dataset.rail === part.querySelector("[data-rail][aria-current]")?.dataset.rail
        && old.querySelector(".only")?.textContent === part.querySelector(".only")?.textContent;
      const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      const scrolled = old.scrollTop;
      const adopted = document.adoptNode(part);
      if (before.size && same) {
        for (const row of adopted.querySelectorAll("[data-id]")) {
          if (!before.has(row.dataset.id)) { row.classList.add("new"); fresh += 1; }
        }
      }
      old.replaceWith(adopted);
      adopted.scrollTop = scrolled;
      if (focused) [...adopted.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus({ preventScroll: true });
    }
    if (fresh && announce && performance.now() - told > 5000) {
      told = performance.now();
      announce.textContent = `${fresh} new`;
    }
  }

  function connect() {
    const address = new URL("/ws/live", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.searchParams.set("after", last);
    const socket = new WebSocket(address);
    socket.addEventListener("message", (event) => {
      const message = JSON.parse(event.data);
      if (message.type === "hello") { wait = 500; say("live", "live"); }
      if (message.type === "reset") { last = message.number; values = true; schedule("board"); }
      if (message.type === "gap") schedule("board");
      if (message.number && message.type !== "reset" && message.v && message.at && message.number > last) {
        last = message.number;
        if (!kinds.size || kinds.has(message.type)) schedule(message.type);
      }
    });
    socket.addEventListener("close", () => {
      say("reconnecting", "away");
      setTimeout(connect, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, 5000);
    });
  }
  document.addEventListener("visibilitychange", () => { if (waiting && !document.hidden) schedule(); });
  connect();
  return { refresh };
}
