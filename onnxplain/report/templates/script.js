"use strict";
const all = (query, root = document) => [...root.querySelectorAll(query)];

function show(method) {
  for (const layer of all(".layer")) layer.hidden = layer.dataset.method !== method;
  for (const place of all("[data-of]")) place.hidden = method !== "" && place.dataset.of !== method;
}

for (const choice of all('input[name="map"]')) {
  choice.addEventListener("change", () => show(choice.value));
  if (choice.checked) show(choice.value);
}

const blend = document.getElementById("blend");
if (blend) {
  const apply = () => {
    document.documentElement.style.setProperty("--blend", blend.value / 100);
    document.getElementById("blended").textContent = `${blend.value} %`;
  };
  blend.addEventListener("input", apply);
  apply();
}

function sort(table, column, descending) {
  const key = (row) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number"
      ? a - b
      : String(a).localeCompare(String(b), undefined, { numeric: true });
  const body = table.tBodies[0];
  const rows = [...body.rows].sort((a, b) => (descending ? -1 : 1) * compare(key(a), key(b)));
  body.append(...rows);
}

for (const table of all("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sort(table, column, descending);
    });
  });
}

// What is folded away on the screen is printed.
addEventListener("beforeprint", () => {
  for (const part of all("details")) part.open = true;
});
