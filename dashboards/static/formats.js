// Numbers and times as the templates show them: dashboards/formats.py hands over its STYLE.
const root = document.documentElement;
export const STYLE = JSON.parse(root.dataset.format);
const SYMBOL = STYLE.symbols[root.dataset.currency] ?? root.dataset.currency;

export function amount(value, places = 2, signed = false) {
  if (value === null || value === undefined || Number.isNaN(value)) return STYLE.missing;
  const text = Math.abs(value).toFixed(places);
  const [whole, part] = text.split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, STYLE.group) + (part ? STYLE.point + part : "");
  if (value < 0 && Number(text) !== 0) return STYLE.minus + grouped;
  return signed ? `+${grouped}` : grouped;
}
const withUnit = (text, unit) => (text === STYLE.missing ? text : text + STYLE.unit_space + unit);
export const money = (value, places = 2, signed = false) => withUnit(amount(value, places, signed), SYMBOL);
export const percent = (value, signed = true, places = 2) =>
  withUnit(amount(value === null || value === undefined ? value : value * 100, places, signed), "%");

// "2025-10-24" -> "24 Oct 2025"
export function day(text) {
  const [year, month, date] = text.split("-").map(Number);
  return `${date} ${STYLE.months[month - 1]} ${year}`;
}

// A time with its offset -> "24 Oct 2025 09:00" on the exchange's clock.
const clock = new Intl.DateTimeFormat("en-GB", {
  timeZone: STYLE.zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
});
export function berlin(moment) {
  const part = Object.fromEntries(clock.formatToParts(new Date(moment)).map((each) => [each.type, each.value]));
  return `${day(`${part.year}-${part.month}-${part.day}`)} ${part.hour}:${part.minute}`;
}
