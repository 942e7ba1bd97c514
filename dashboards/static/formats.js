// Numbers and days as the templates show them: dashboards/formats.py hands over its STYLE.
const root = document.documentElement;
export const STYLE = JSON.parse(root.dataset.format);
const SYMBOL = STYLE.symbols[root.dataset.currency] ?? root.dataset.currency;

// A number's digits, half up as its shortest decimal form reads: what the templates' Decimal does. `shift` moves the
// point first, as per cent need it.
function digits(value, places, shift) {
  const short = String(Math.abs(value));
  const moved = short.includes("e") ? Math.abs(value) * 10 ** (places + shift) : Number(`${short}e${places + shift}`);
  return Number(`${Math.round(moved)}e-${places}`).toFixed(places);
}

export function amount(value, places = 2, signed = false, shift = 0) {
  if (value === null || value === undefined || Number.isNaN(value)) return STYLE.missing;
  const text = digits(value, places, shift);
  const [whole, part] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, STYLE.group) + (part ? STYLE.point + part : "");
  if (value < 0 && Number(text) !== 0) return STYLE.minus + grouped;
  return signed ? `+${grouped}` : grouped;
}
const withUnit = (text, unit) => (text === STYLE.missing ? text : text + STYLE.unit_space + unit);
export const money = (value, places = 2, signed = false) => withUnit(amount(value, places, signed), SYMBOL);
export const percent = (value, signed = true, places = 2) =>
  withUnit(amount(value, places, signed, 2), "%");

// "2025-10-24" -> "24 Oct 2025"
export function day(text) {
  const [year, month, date] = text.split("-").map(Number);
  return `${date} ${STYLE.months[month - 1]} ${year}`;
}
