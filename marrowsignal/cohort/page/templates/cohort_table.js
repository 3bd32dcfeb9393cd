// The list of studies: sorted, filtered, and only the rows in sight are in the page.

const ROW_PX = 30;
const MARGIN_ROWS = 8;

const WIDTHS = { state: 5.5, confidence: 6.5, protocol: 7, sex: 3, scanner: 11 };

const listColumns = [
  { title: "case", width: 9, of: (study) => cohort.cases[study], order: (study) => cohort.cases[study] },
  {
    title: "look first",
    width: 5,
    number: true,
    of: (study) => String(groundRank.get(study) ?? ""),
    order: (study) => groundRank.get(study) ?? null,
  },
  { title: "class or state", width: 17, of: classWords, order: classWords },
  { title: "why to look at it", width: 24, of: (study) => groundWords.get(study) ?? "", order: (study) => groundWords.get(study) ?? "" },
  ...cohort.columns.map((column) => ({
    title: column.title,
    width: WIDTHS[column.key] ?? 6.2,
    number: !column.levels,
    of: (study) => shown(column, study),
    order: column.levels ? (study) => column.levels[column.values[study]] : (study) => column.values[study],
  })),
];

let sorting = { column: -1, down: false };
let order = Array.from({ length: studyCount }, (_, study) => study);
let rows = order;
let frame = null;
let body = null;
let told = null;
const drawn = new Map(); // rows in the page by their place
const [above, below] = [space(), space()]; // what stands for the rows that are not

// What has no value stands last in both directions.
function compare(one, other) {
  const column = listColumns[sorting.column];
  const [a, b] = [column.order(one), column.order(other)];
  const [no, none] = [a === null || a === "", b === null || b === ""];
  if (no || none) return no - none || one - other;
  const way = a < b ? -1 : a > b ? 1 : 0;
  return (sorting.down ? -way : way) || one - other;
}

function sortBy(column) {
  sorting = { column, down: sorting.column === column ? !sorting.down : false };
  order.sort(compare);
  frame.querySelectorAll("thead th").forEach((cell, at) => {
    if (at === column) cell.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
  });
  refillRows();
}

function refillRows() {
  rows = order.filter((study) => kept[study]);
  told.textContent = `${rows.length} of ${studyCount} studies`;
  frame.scrollTop = 0;
  drawn.forEach((row) => row.remove());
  drawn.clear();
  drawRows();
}

// Rows that stay in sight stay as they are.
function drawRows() {
  const first = Math.max(0, Math.floor(frame.scrollTop / ROW_PX) - MARGIN_ROWS);
  const last = Math.min(rows.length, first + Math.ceil(frame.clientHeight / ROW_PX) + 2 * MARGIN_ROWS);
  for (const [at, row] of drawn) {
    if (at >= first && at < last) continue;
    row.remove();
    drawn.delete(at);
  }
  let next = above.nextSibling;
  for (let at = first; at < last; at += 1) {
    const row = drawn.get(at);
    if (row) {
      next = row.nextSibling;
      continue;
    }
    drawn.set(at, rowOf(rows[at], at));
    body.insertBefore(drawn.get(at), next);
  }
  above.firstChild.style.height = `${first * ROW_PX}px`;
  below.firstChild.style.height = `${(rows.length - last) * ROW_PX}px`;
}

function space() {
  return element("tr", { className: "space", "aria-hidden": "true" }, element("td", { colSpan: listColumns.length }));
}

function rowOf(study, at) {
  const link = linkOf(study);
  const name = link ? element("a", { href: link }, cohort.cases[study]) : cohort.cases[study];
  const row = element("tr", { "aria-rowindex": at + 2 }, element("th", { scope: "row" }, name));
  for (const column of listColumns.slice(1)) {
    const text = column.of(study);
    row.append(element("td", { className: column.number ? "n" : "", title: column.width > 15 ? text : "" }, text));
  }
  return row;
}

// RFC 4180; an apostrophe keeps a spreadsheet from running a text as a formula.
function csvCell(text, isNumber) {
  const plain = isNumber ? text.replace("\u2212", "-") : text.replace(/^[=+\-@\t\r\uff1d\uff0b\uff0d\uff20\u2212]/, "'$&");
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}

function csvText() {
  const head = [...listColumns.map((column) => csvCell(column.title, false)), "report"];
  const lines = rows.map((study) => [
    ...listColumns.map((column) => csvCell(column.of(study), Boolean(column.number))),
    csvCell(linkOf(study), true),
  ]);
  return [head, ...lines].map((cells) => `${cells.join(",")}\r\n`).join("");
}

function saveCsv() {
  const address = URL.createObjectURL(new Blob([csvText()], { type: "text/csv" }));
  element("a", { href: address, download: "studies_picked.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

function buildList() {
  const search = element("input", { type: "search", placeholder: "case contains \u2026", "aria-label": "case contains" });
  search.addEventListener("input", () => {
    query = search.value.trim().toLowerCase();
    refilter();
  });
  const save = element("button", { type: "button" }, "Save these as CSV");
  save.addEventListener("click", saveCsv);
  const height = ROW_PX * (studyCount + 3);
  told = element("strong", { role: "status" });
  const head = listColumns.map((column, at) => {
    const button = element("button", { type: "button" }, column.title);
    button.addEventListener("click", () => sortBy(at));
    const cell = element("th", { scope: "col", className: column.number ? "n" : "" }, button);
    cell.style.width = `${column.width}rem`;
    return cell;
  });
  body = element("tbody", {}, above, below);
  const width = listColumns.reduce((sum, column) => sum + column.width, 0);
  const table = element("table", { "aria-rowcount": studyCount + 1 }, element("thead", {}, element("tr", {}, ...head)), body);
  table.style.width = `${width}rem`;
  frame = element("div", { className: "list-frame", tabIndex: 0, role: "region", "aria-label": "All studies" }, table);
  frame.style.height = `min(${height}px, 36rem, 72vh)`;
  let waiting = false;
  frame.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => ((waiting = false), drawRows()));
  });
  addEventListener("resize", drawRows);
  const place = document.getElementById("list");
  place.hidden = false;
  place.append(element("div", { className: "list-tools" }, told, search, save), frame);
  // What to look at stands first.
  sortBy(1);
  listeners.push(() => {
    if (search.value.trim().toLowerCase() !== query) search.value = query;
    refillRows();
  });
}
