// What the page was given: columns, sets and points. Nothing of it is ever read as HTML.

const cohort = JSON.parse(document.getElementById("cohort-data").textContent);
const studyCount = cohort.cases.length;

function fromGaps(text) {
  if (text === "") return new Int32Array(0);
  let at = 0;
  return Int32Array.from(text.split(","), (step) => (at += Number(step)));
}

const picks = cohort.picks.map((one) => ({ ...one, studies: fromGaps(one.studies) }));
const columns = new Map(cohort.columns.map((one) => [one.key, one]));
const groundWords = new Map(cohort.grounds);
const groundRank = new Map(cohort.grounds.map(([study], at) => [study, at + 1]));

function linkOf(study) {
  const folder = cohort.folders[study];
  if (folder === 0) return "";
  const parts = (folder === 1 ? cohort.cases[study] : folder).split("/");
  return `./${parts.map(encodeURIComponent).join("/")}/report.html`;
}

// The value of a column as it is shown; empty where nothing was measured.
function shown(column, study) {
  const value = column.values[study];
  if (column.levels) return column.levels[value];
  return value === null ? "" : value.toFixed(column.decimals).replace("-", "\u2212");
}

function classWords(study) {
  const at = cohort.class[study];
  return at < 0 ? shown(columns.get("state"), study) : cohort.classes[at].words;
}

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
