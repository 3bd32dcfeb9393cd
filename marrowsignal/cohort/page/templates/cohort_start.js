// Put together; what was picked is there again when a reader comes back from a study.

function remember() {
  history.replaceState({ chosen: [...chosen], query, boxed: boxed && [...boxed] }, "");
}

document.documentElement.classList.add("scripted");
buildList();
buildPlane();
const before = history.state;
if (before?.chosen) {
  before.chosen.filter((at) => at < picks.length).forEach((at) => chosen.add(at));
  query = before.query;
  boxed = before.boxed && Int32Array.from(before.boxed);
}
refilter();
listeners.push(remember);
