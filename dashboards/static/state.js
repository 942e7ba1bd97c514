// What a page shows is in its address, so that every view is a link.
export function changeAddress(changed) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(changed)) {
    if (value === null) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  history.replaceState(null, "", address);
}
export const asked = (name) => new URLSearchParams(location.search).get(name);
// A click that is meant to open another window or tab is the browser's.
export const plain = (event) => !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button);
