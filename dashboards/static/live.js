// Keeps a page true while it is open. A message over /ws/live says that something is new; if it is of a kind that
// the page shows, the parts that depend on it are asked for, ready made, and put in the old ones' place. Messages are
// numbered: after a break the connection asks for what followed the last one it has seen.
import { asked } from "./state.js";

const AT_LEAST = 1000; // milliseconds between two refreshes while messages come in a burst
const SOON = 80;
const AGAIN = 3000; // after a refresh that failed
const MINUTE = 60_000;
const LONGEST = 6 * 3600 * 1000; // a timer's longest wait
const VALUES = new Set(["snapshot", "board"]);
const QUIET = 2.5; // heartbeats that may be missing before the connection counts as lost

export function follow(host, { onValues = () => {} } = {}) {
  const shown = document.getElementById("live");
  const announce = document.getElementById("announce");
  const kinds = new Set(host.dataset.kinds.split(" ").filter(Boolean));
  let last = Number(host.dataset.number);
  let wait = 500;
  let timer = 0;
  let refreshed = performance.now();
  let busy = false;
  let wanted = false; // something came that no refresh has asked for yet
  let values = false;
  let view = 0; // which choice of the reader a refresh is for
  let told = -Infinity;

  function say(text, state) {
    if (!shown) return;
    shown.hidden = false;
    shown.textContent = text;
    shown.dataset.state = state;
  }

  function later(pause) {
    if (timer || busy || document.hidden) return; // nobody looks: it is enough to be true when somebody does
    timer = setTimeout(renew, pause);
  }

  function schedule(kind) {
    wanted = true;
    values ||= VALUES.has(kind);
    later(Math.max(SOON, refreshed + AT_LEAST - performance.now()));
  }

  // One at a time: an answer under way is shown, and what came meanwhile is asked for after it.
  async function renew() {
    clearTimeout(timer);
    timer = 0;
    if (busy) return;
    busy = true;
    wanted = false;
    refreshed = performance.now();
    const [of, drawn] = [view, values];
    values = false;
    let pause = AT_LEAST;
    try {
      const [made] = await Promise.all([parts(), drawn && onValues(last)]);
      if (of === view) put(made);
    } catch {
      wanted = true;
      values ||= drawn;
      pause = AGAIN;
    }
    busy = false;
    if (of !== view) later(0);
    else if (wanted) later(pause);
  }

  function refresh() {
    view += 1;
    wanted = true;
    if (!busy) renew();
  }

  async function parts() {
    const address = new URL(host.dataset.live, location.href);
    for (const name of ["model", "rail"]) if (asked(name)) address.searchParams.set(name, asked(name));
    address.searchParams.set("n", last);
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(answer.status);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  function put(made) {
    const all = [...made.querySelectorAll("[data-part]")];
    if (all.some((part) => !document.getElementById(part.id))) return location.reload(); // there was nothing of it yet
    let fresh = 0;
    for (const part of all) {
      const old = document.getElementById(part.id);
      const focused = document.activeElement;
      const inside = old.contains(focused);
      if (old.isEqualNode(part) || (inside && focused.matches("input, select"))) continue;
      const before = new Set([...old.querySelectorAll("[data-id]")].map((each) => each.dataset.id));
      const same = old.querySelector("[data-rail][aria-current]")?.dataset.rail === part.querySelector("[data-rail][aria-current]")?.dataset.rail
        && old.querySelector(".only")?.textContent === part.querySelector(".only")?.textContent;
      const places = [old, ...old.querySelectorAll("[tabindex]")].map((each) => [each.scrollLeft, each.scrollTop]);
      const where = inside ? [...old.querySelectorAll(focused.tagName)].filter((each) => name(each) === name(focused)).indexOf(focused) : -1;
      const adopted = document.adoptNode(part);
      if (before.size && same) {
        for (const row of adopted.querySelectorAll("[data-id]")) {
          if (!before.has(row.dataset.id)) { row.classList.add("new"); fresh += 1; }
        }
      }
      old.replaceWith(adopted);
      [adopted, ...adopted.querySelectorAll("[tabindex]")].forEach((each, n) => { [each.scrollLeft, each.scrollTop] = places[n] ?? [0, 0]; });
      if (where >= 0) [...adopted.querySelectorAll(focused.tagName)].filter((each) => name(each) === name(focused))[where]?.focus({ preventScroll: true });
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
    let silence = 0; // milliseconds
    let alarm = 0;
    socket.addEventListener("message", (event) => {
      const message = JSON.parse(event.data);
      if (message.type === "hello") { wait = 500; silence = QUIET * 1000 * message.heartbeat_seconds; say("live", "live"); }
      if (message.type === "reset") { last = message.number; schedule("board"); }
      if (message.type === "gap") schedule("board");
      if (message.number && message.type !== "reset" && message.v && message.at && message.number > last) {
        last = message.number;
        if (!kinds.size || kinds.has(message.type)) schedule(message.type);
      }
      clearTimeout(alarm);
      if (silence) alarm = setTimeout(() => socket.close(), silence);
    });
    socket.addEventListener("close", () => {
      clearTimeout(alarm);
      say("reconnecting", "away");
      setTimeout(connect, wait * (0.75 + Math.random() / 2));
      wait = Math.min(wait * 2, 5000);
    });
  }

  // The exchange opens and closes without a message.
  function watchMarket() {
    const until = new Date(document.getElementById("market").dataset.until) - Date.now();
    setTimeout(async () => {
      if (until <= LONGEST) {
        const answer = await fetch(location.href).catch(() => null);
        const made = answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
        for (const id of ["market", "next"]) {
          const [old, part] = [document.getElementById(id), made?.getElementById(id)];
          if (old && part) old.replaceWith(document.adoptNode(part));
        }
      }
      watchMarket();
    }, Math.min(Math.max(until + AGAIN * (1 + Math.random()), MINUTE), LONGEST)); // not all readers at once
  }

  document.addEventListener("visibilitychange", () => { if (wanted && !document.hidden) later(SOON); });
  connect();
  watchMarket();
  return { refresh };
}

// What tells an element from others of its part, in the old part and in the new.
const name = (each) => each.id || each.getAttribute("href") || each.getAttribute("aria-label");
