// Which studies are picked: sets of one kind are joined, sets of different kinds intersected.

const chosen = new Set();
const listeners = [];
let query = "";
let boxed = null; // studies inside a box drawn in the plane, or null
let kept = new Uint8Array(studyCount).fill(1);
let keptCount = studyCount;

function refilter() {
  kept = new Uint8Array(studyCount).fill(1);
  const kinds = new Map();
  for (const at of chosen) kinds.set(picks[at].kind, [...(kinds.get(picks[at].kind) ?? []), picks[at].studies]);
  for (const sets of kinds.values()) keepOnly(sets);
  if (boxed) keepOnly([boxed]);
  if (query) cohort.cases.forEach((name, study) => (kept[study] &= name.toLowerCase().includes(query) ? 1 : 0));
  keptCount = kept.reduce((sum, one) => sum + one, 0);
  listeners.forEach((listener) => listener());
}

function keepOnly(sets) {
  const held = new Uint8Array(studyCount);
  for (const set of sets) for (const study of set) held[study] = 1;
  for (let study = 0; study < studyCount; study += 1) kept[study] &= held[study];
}

function toggle(at) {
  if (!chosen.delete(at)) chosen.add(at);
  refilter();
}

function clearAll() {
  chosen.clear();
  boxed = null;
  query = "";
  refilter();
}

const bar = document.getElementById("filter-bar");
const pickButtons = document.querySelectorAll("button.pick");

function chip(words, remove) {
  const button = element("button", { type: "button", className: "chip", title: "remove" }, `${words} \u00d7`);
  button.setAttribute("aria-label", `remove: ${words}`);
  button.addEventListener("click", remove);
  return button;
}

function drawBar() {
  const any = chosen.size > 0 || boxed !== null || query !== "";
  bar.hidden = !any;
  bar.replaceChildren();
  for (const button of pickButtons) {
    const pressed = String(chosen.has(Number(button.dataset.pick)));
    if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
  }
  if (!any) return;
  bar.append(element("strong", {}, `${keptCount} of ${studyCount}`), " studies:");
  for (const at of chosen) bar.append(chip(picks[at].title, () => toggle(at)));
  if (boxed) bar.append(chip("inside the box", () => ((boxed = null), refilter())));
  if (query) bar.append(chip(`case contains ${query}`, () => ((query = ""), refilter())));
  const all = element("button", { type: "button" }, "all studies");
  all.addEventListener("click", clearAll);
  bar.append(all, element("a", { href: "#list" }, "to the list"));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button.pick");
  if (button) toggle(Number(button.dataset.pick));
});
listeners.push(drawBar);
