// Paper shows what the screen folds: opened before printing, closed again after it.

let openedForPaper = [];
addEventListener("beforeprint", () => {
  openedForPaper = [...document.querySelectorAll("main details:not([open])")];
  openedForPaper.forEach((folded) => (folded.open = true));
});
addEventListener("afterprint", () => {
  openedForPaper.forEach((folded) => (folded.open = false));
  openedForPaper = [];
});
