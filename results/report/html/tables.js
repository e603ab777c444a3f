"use strict";
// Makes every table sortable: a button in each column's header, which a keyboard reaches as a mouse does.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent;
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

// On paper nothing can be unfolded.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
