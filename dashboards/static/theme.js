// In the head and blocking, so that the page is never drawn in the wrong colours.
(() => {
  // What a page's scripts will need first is asked for at once.
  const { early } = document.currentScript.dataset;
  if (early) window.early = { [early]: fetch(early).catch(() => null) };
  const root = document.documentElement;
  const read = (name) => { try { return localStorage.getItem(`arena.${name}`); } catch { return null; } };
  for (const [name, allowed] of [["theme", "dark light"], ["signs", "blue classic"]]) {
    const stored = read(name);
    if (allowed.split(" ").includes(stored)) root.dataset[name] = stored;
  }
  addEventListener("DOMContentLoaded", () => {
    const toggles = document.getElementById("toggles");
    if (!toggles) return;
    toggles.hidden = false;
    for (const button of toggles.querySelectorAll("button")) {
      const { set, values } = button.dataset;
      const [first, second] = values.split(" ");
      const show = () => button.setAttribute("aria-pressed", String(root.dataset[set] === second));
      show();
      button.addEventListener("click", () => {
        root.dataset[set] = root.dataset[set] === second ? first : second;
        try { localStorage.setItem(`arena.${set}`, root.dataset[set]); } catch { /* private window: not kept */ }
        show();
        dispatchEvent(new CustomEvent("arena:colours"));
      });
    }
  });
})();
