// Buttons, sliders and keys.

const MANY_SLICES = 5;
const WINDOW_STEPS = 200;
const FADE_STEP = 0.1;

// As the page prints numbers: two to three digits.
const printed = (value) => {
  const size = Math.abs(value);
  const decimals = value === 0 ? 0 : size < 0.0995 ? 3 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  return value.toFixed(decimals).replace("-", "−");
};

const actionsOf = (view, jumps) => ({
  previous: () => view.goTo(view.slice - 1),
  next: () => view.goTo(view.slice + 1),
  in: () => view.zoomBy(ZOOM_STEP),
  out: () => view.zoomBy(1 / ZOOM_STEP),
  reset: () => view.reset(),
  flicker: () => view.data.series.length > 1 && view.toggle("flicker"),
  fill: () => view.toggle("fill"),
  large: () => view.toggle("large"),
  back: () => jumps.back(),
});

const keysOf = (view, jumps) => {
  const does = actionsOf(view, jumps);
  return {
    ArrowUp: does.previous,
    ArrowLeft: does.previous,
    ArrowDown: does.next,
    ArrowRight: does.next,
    PageUp: () => view.goTo(view.slice - MANY_SLICES),
    PageDown: () => view.goTo(view.slice + MANY_SLICES),
    Home: () => view.goTo(0),
    End: () => view.goTo(view.data.slices - 1),
    "+": does.in,
    "=": does.in,
    "-": does.out,
    "−": does.out,
    0: does.reset,
    f: does.flicker,
    l: does.fill,
    v: does.large,
    b: does.back,
    n: () => jumps.lesion(1),
    p: () => jumps.lesion(-1),
    w: () => view.nextPreset(),
    o: () => view.toggle("overlays"),
    x: () => view.toggle("cross"),
    s: () => view.toggle("smooth"),
    "[": () => view.fade(view.opacity - FADE_STEP),
    "]": () => view.fade(view.opacity + FADE_STEP),
    Escape: () => (view.switches.large ? view.toggle("large") : jumps.end()),
  };
};
const CROSS_KEYS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

const listenToKeys = (frame, view, jumps) => {
  const keys = keysOf(view, jumps);
  const layers = [...frame.querySelectorAll("[data-layer]")];
  frame.addEventListener("keydown", (event) => {
    const { target, key } = event;
    const moves = key.length > 1 && key !== "Escape"; // arrows and their like, which sliders and lists use themselves
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("select") || (moves && target.matches("input"))) {
      return;
    }
    const layer = layers[Number(key) - 1];
    const step = event.shiftKey && CROSS_KEYS[key];
    const does = keys[key] ?? keys[key.toLowerCase()];
    if (step) {
      view.stepCross(...step);
    } else if (layer) {
      layer.click();
    } else if (does && !(event.repeat && key.toLowerCase() === "f")) {
      does();
    }
    if (step || layer || does) {
      event.preventDefault();
    }
  });
};

const listenToButtons = (frame, view, jumps) => {
  const does = actionsOf(view, jumps);
  for (const button of frame.querySelectorAll("[data-do]")) {
    button.addEventListener("click", does[button.dataset.do]);
  }
  for (const button of frame.querySelectorAll("[data-window]")) {
    button.addEventListener("click", () => view.preset(button.dataset.window));
  }
  for (const button of frame.querySelectorAll("[data-layer]")) {
    button.addEventListener("click", () => view.toggleLayer(button.dataset.layer));
  }
  const slider = frame.querySelector("#viewer-slice");
  slider.addEventListener("input", () => view.goTo(slider.valueAsNumber));
  const opacity = frame.querySelector("#viewer-opacity");
  opacity.addEventListener("input", () => view.fade(opacity.valueAsNumber / 100));
  const list = frame.querySelector("#viewer-go");
  list?.addEventListener("change", () => list.value && jumps.to(list.value));
};

// Sliders of level and width of one pane.
class WindowSliders {
  constructor(element, index, view) {
    const { signals } = view.data.series[index];
    const [low, high] = [signals[0], signals[signals.length - 1]];
    this.index = index;
    [this.level, this.width] = ["level", "width"].map((part) => element.querySelector(`[data-part=${part}]`));
    this.words = element.querySelector(".viewer-window output");
    for (const slider of [this.level, this.width]) {
      slider.min = String(slider === this.level ? low : (high - low) / WINDOW_STEPS);
      slider.max = String(slider === this.level ? high : high - low);
      slider.step = String((high - low) / WINDOW_STEPS);
      slider.addEventListener("input", () => this.set(view));
    }
  }

  set(view) {
    view.setWindow(this.index, this.level.valueAsNumber, this.width.valueAsNumber);
  }

  update(view) {
    const [low, high] = view.windows[this.index];
    this.level.value = String((low + high) / 2);
    this.width.value = String(high - low);
    this.level.setAttribute("aria-valuetext", printed((low + high) / 2));
    this.width.setAttribute("aria-valuetext", printed(high - low));
    this.words.textContent = `W ${printed(high - low)} L ${printed((low + high) / 2)}`;
  }
}

const updateControls = (frame, view) => {
  const { data, switches } = view;
  const slider = frame.querySelector("#viewer-slice");
  const position = `Slice ${view.slice + 1} of ${data.slices}, ${data.positions[view.slice]}`;
  slider.value = String(view.slice);
  slider.setAttribute("aria-valuetext", position);
  frame.querySelector("#viewer-position").textContent = position;
  frame.querySelector("#viewer-opacity").value = String(Math.round(view.opacity * 100));
  const press = (button, pressed) => button.setAttribute("aria-pressed", String(pressed));
  for (const button of frame.querySelectorAll("[data-do][aria-pressed]")) {
    press(button, switches[button.dataset.do]);
  }
  for (const button of frame.querySelectorAll("[data-window]")) {
    press(button, button.dataset.window === view.windowName);
  }
  for (const button of frame.querySelectorAll("[data-layer]")) {
    press(button, switches.overlays && view.layers.has(button.dataset.layer));
  }
  const list = frame.querySelector("#viewer-go");
  if (list) {
    list.value = view.target?.layer ? view.target.key : "";
  }
  frame.classList.toggle("large", switches.large);
  const words = view.target ? `${position}. ${view.target.name}` : position;
  const status = frame.querySelector("#viewer-status");
  if (status.textContent !== words) {
    status.textContent = words;
  }
};
