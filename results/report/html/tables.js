"use strict";
const tables = [...document.querySelectorAll("table.sortable")];

// Makes every table sortable: a button in each column's header, which a keyboard reaches as a mouse does.
for (const table of tables) {
  const body = table.tBodies[0];
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.replaceChildren(button);
    header.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const direction = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of headers) other.setAttribute("aria-sort", "none");
      header.setAttribute("aria-sort", direction === 1 ? "ascending" : "descending");
      body.append(...[...body.rows].sort((a, b) => compare(a.cells[place], b.cells[place], direction)));
      for (const cell of body.querySelectorAll(".again")) cell.classList.remove("again");
    });
  });
}

function compare(first, second, direction) {
  const [a, b] = [first, second].map((cell) => cell.dataset.sort ?? cell.textContent);
  if (a === "" || b === "") return (a === "") - (b === ""); // what is missing comes last in either direction
  const numbers = first.dataset.sort !== undefined && second.dataset.sort !== undefined;
  return direction * (numbers ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true }));
}

// The filter: what is separated by commas is looked for in names, whatever their case, underscores and hyphens.
const filter = document.querySelector(".filter");
const options = [...filter.querySelectorAll("option")];
filter.hidden = false;
filter.addEventListener("submit", (event) => event.preventDefault());
filter.elements.filter.addEventListener("input", (event) => show(termsOf(event.target.value)));

function plain(text) {
  return text.toLowerCase().replace(/[\s_-]+/g, " ").trim();
}

function termsOf(text) {
  return text.split(",").map(plain).filter(Boolean);
}

// Says of each name whether it stays; all of them stay where no name holds a term, as then the terms mean others.
function kept(names, terms) {
  const found = names.map((name) => terms.some((term) => plain(name).includes(term)));
  return found.includes(true) ? found : names.map(() => true);
}

function show(terms) {
  for (const table of tables) {
    const rows = [...table.tBodies[0].rows];
    const words = (row) => [...row.cells].filter((cell) => !cell.matches(".number")).map((cell) => cell.textContent);
    const rowsKept = kept(rows.map((row) => words(row).join(" ")), terms);
    const headers = [...table.tHead.rows[0].cells];
    const numbers = headers.filter((header) => header.matches(".number"));
    const numbersKept = kept(numbers.map((header) => header.textContent), terms);
    const gone = new Set(numbers.filter((_, place) => !numbersKept[place]).map((header) => header.cellIndex));
    rows.forEach((row, place) => (row.hidden = !rowsKept[place]));
    for (const row of table.rows) for (const cell of row.cells) cell.hidden = gone.has(cell.cellIndex);
  }
  document.getElementById("left").textContent = told(terms);
}

// Counts the methods, checkpoints and corruptions that are left.
function told(terms) {
  if (!terms.length) return "";
  const counts = ["methods", "checkpoints", "corruptions"].map((kind) => {
    const names = options.filter((option) => option.dataset.kind === kind).map((option) => option.textContent);
    const left = names.filter((name) => terms.some((term) => plain(name).includes(term))).length;
    return { kind, left, all: names.length };
  });
  if (!counts.some(({ left }) => left)) return "No method, checkpoint or corruption has such a name.";
  const parts = counts.filter(({ all }) => all).map(({ kind, left, all }) => (left ? `${left} of ${all} ${kind}` : `all ${kind}`));
  return `Left: ${parts.join(", ")}.`;
}

// What is folded opens where a link leads into it, and on paper, where nothing can be unfolded.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let place = target; place; place = place.parentElement) if (place.matches("details")) place.open = true;
  target?.scrollIntoView();
}
addEventListener("hashchange", unfold);
if (location.hash) unfold();
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});

// The page of a sweep that goes on loads itself again, unless its reader has opened, sorted or filtered something.
if (document.body.matches(".unfinished")) {
  const isInUse = () => filter.elements.filter.value || document.querySelector("details[open], th[aria-sort$=ending]");
  setInterval(() => isInUse() || location.reload(), 30000);
}
