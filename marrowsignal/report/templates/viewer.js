// The linked viewer: every slice of both series, with all that was found in them.

const POINTER_HINT = "Point at a picture to read its values; click to place the crosshair.";

const startViewer = () => {
  const frame = document.getElementById("viewer-frame");
  if (typeof DecompressionStream === "undefined") {
    document.getElementById("viewer-too-old").hidden = false;
    return;
  }
  const data = JSON.parse(document.getElementById("viewer-data").textContent);
  data.layers.forEach((layer, at) => (layer.values = Uint16Array.from(data.kinds, (values) => values[at])));
  const stage = frame.querySelector("#viewer-stage");
  const readout = frame.querySelector("#viewer-readout");
  const elements = [...frame.querySelectorAll(".viewer-pane")];
  const slices = new Slices(data);
  let hovered = null;
  let asked = false;

  const tell = () => {
    const slice = slices.ready(view.slice);
    const place = hovered ?? view.cross;
    readout.textContent = slice && place ? wordsAt(data, slice, place) : POINTER_HINT;
  };

  const draw = () => {
    asked = false;
    updateControls(frame, view);
    sliders.forEach((one) => one.update(view));
    const slice = slices.ready(view.slice);
    if (!slice) {
      slices.load(view.slice).then(ask);
      return;
    }
    stage.classList.toggle("zoomed", view.zoom > 1);
    panes.forEach((pane) => pane.draw(view, slice));
    tell();
    [slice.index - 1, slice.index + 1].filter((index) => data.series[0].uris[index]).forEach((index) => slices.load(index));
  };
  // Many changes, one drawing.
  const ask = () => {
    if (!asked) {
      asked = true;
      requestAnimationFrame(draw);
    }
  };

  const view = new View(data, ask);
  const panes = elements.map((element, index) => new Pane(element, index, data));
  const sliders = elements.map((element, index) => new WindowSliders(element, index, view));
  const jumps = new Jumps(view, frame);
  stage.style.setProperty("--aspect", String(view.width / view.height));
  frame.hidden = false;
  listenToButtons(frame, view, jumps);
  listenToKeys(frame, view, jumps);
  listenToWheel(panes, view);
  panes.forEach((pane) => new Drag(pane, view, stage));
  listenToHover(panes, view, (place) => {
    hovered = place;
    tell();
  });
  new ResizeObserver(ask).observe(stage);
  jumps.listen();
};

startViewer();
