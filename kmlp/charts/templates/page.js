const { charts, config } = JSON.parse(document.getElementById("charts").textContent);

for (const [id, specification] of Object.entries(charts)) {
  vegaEmbed(document.getElementById(id), specification, {
    ast: true, // expressions are interpreted, not evaluated
    renderer: "svg",
    config,
    actions: { export: true, source: false, compiled: false, editor: false },
    // The page has their styles: its policy forbids others.
    defaultStyle: false,
    forceActionsMenu: true,
    tooltip: { disableDefaultStyle: true },
  }).catch((error) => console.error(id, error));
}

// Numbers sort by their value, what is no number after them.
function key(cell) {
  const text = cell.textContent.trim();
  const number = Number.parseFloat(text.replaceAll(",", "").replace(/^<?\./, "0."));
  return /^[-+<]?[\d.]/.test(text) && Number.isFinite(number) ? [0, number] : [1, text];
}

function before(one, other) {
  if (one[0] !== other[0]) return one[0] - other[0];
  return one[0] === 0 ? one[1] - other[1] : one[1].localeCompare(other[1]);
}

for (const button of document.querySelectorAll(".sortable thead button")) {
  button.addEventListener("click", () => {
    const header = button.closest("th");
    const body = button.closest("table").tBodies[0];
    const up = header.getAttribute("aria-sort") !== "ascending";
    for (const it of header.parentElement.children) it.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", up ? "ascending" : "descending");
    const rows = [...body.rows].map((row) => [key(row.cells[header.cellIndex]), row]);
    rows.sort((a, b) => (up ? 1 : -1) * before(a[0], b[0]));
    body.append(...rows.map(([, row]) => row));
  });
}

// What is folded away on the screen is printed.
addEventListener("beforeprint", () => {
  for (const it of document.querySelectorAll("main details")) it.open = true;
});
