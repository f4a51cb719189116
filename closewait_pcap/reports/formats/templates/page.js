"use strict";
// Without this script the page says the same: it only adds sorting and searching to the tables.
const UNITS = {"µs": 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400};
const seconds = text => { // "1 h 03 min", "2.6 s"
  const parts = text.match(/^(?:([\d.]+) (µs|ms|s|min|h|d)(?: (\d+) (s|min|h))?)$/);
  return parts && parts[1] * UNITS[parts[2]] + (parts[3] ? parts[3] * UNITS[parts[4]] : 0);
};
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0], rows = [...body.rows];
  if (rows.length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    const key = row => {
      const value = row.cells[column].textContent.trim();
      const number = Number(value.replaceAll(",", ""));
      return value !== "" && !Number.isNaN(number) ? number : seconds(value) ?? value;
    };
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const keyed = rows.map((row, place) => [key(row), place, row]);
      keyed.sort(([a, first], [b, second]) => {
        if ((a === "") !== (b === "")) return a === "" ? 1 : -1; // what is not known comes last
        const numbers = typeof a === "number" && typeof b === "number";
        const order = numbers ? a - b : String(a).localeCompare(String(b), "en", {numeric: true});
        return (down ? -order : order) || first - second;
      });
      body.append(...keyed.map(([, , row]) => row));
    });
  });
  if (rows.length < 8) continue;
  const label = document.createElement("label"), input = document.createElement("input"), found = document.createElement("output");
  label.className = "search";
  input.type = "search";
  label.append("Search these rows", input, found);
  table.parentElement.before(label);
  const texts = rows.map(row => row.textContent.toLowerCase());
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach((row, place) => {
      row.hidden = !words.every(word => texts[place].includes(word));
      shown += !row.hidden;
    });
    found.textContent = words.length ? `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")}` : "";
  });
}
