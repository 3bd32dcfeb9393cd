// Mouse, wheel and fingers over the pictures.

const WHEEL_PIXELS = 100; // of a notch, and of a slice
const CLICK_PIXELS = 4;
const SWIPE_PIXELS = 24;
const PAGE_SCROLL_MS = 300;

// A wheel that was scrolling the page when the viewer came under it goes on scrolling the page.
const listenToWheel = (panes, view) => {
  let pageScrolled = -Infinity;
  let left = 0;
  const overPictures = (event) => panes.some((pane) => pane.picture.contains(event.target));
  const turn = (event) => {
    if (!event.ctrlKey && (!overPictures(event) || event.timeStamp - pageScrolled < PAGE_SCROLL_MS)) {
      pageScrolled = event.timeStamp;
      return;
    }
    const pane = panes.find((one) => one.picture.contains(event.target));
    if (!pane) {
      return;
    }
    event.preventDefault();
    const notches = event.deltaMode === 0 ? event.deltaY / WHEEL_PIXELS : Math.sign(event.deltaY);
    if (event.ctrlKey) {
      view.zoomBy(ZOOM_STEP ** -notches, pane.point(view, event));
      return;
    }
    left = Math.sign(left) === Math.sign(notches) ? left + notches : notches;
    const steps = Math.trunc(left);
    left -= steps;
    if (steps) {
      view.goTo(view.slice + steps);
    }
  };
  document.addEventListener("wheel", turn, { passive: false });
};

const middleOf = ([one, other]) => ({ clientX: (one.clientX + other.clientX) / 2, clientY: (one.clientY + other.clientY) / 2 });
const apart = ([one, other]) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);

class Drag {
  constructor(pane, view, stage) {
    this.pane = pane;
    this.view = view;
    this.pointers = new Map();
    const { picture } = pane;
    picture.addEventListener("contextmenu", (event) => event.preventDefault());
    picture.addEventListener("pointerdown", (event) => {
      stage.focus({ preventScroll: true });
      picture.setPointerCapture(event.pointerId);
      this.start(event);
    });
    picture.addEventListener("pointermove", (event) => this.pointers.has(event.pointerId) && this.go(event));
    picture.addEventListener("pointerup", (event) => this.stop(event));
    picture.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
  }

  start(event) {
    if (!this.pointers.size) {
      const windowing = event.button === 2 || (event.button === 0 && event.shiftKey);
      const swipes = event.pointerType === "touch" && this.view.zoom === 1;
      this.kind = windowing ? "window" : swipes ? "swipe" : event.button === 0 ? "pan" : "none";
      this.from = { x: event.clientX, y: event.clientY, slice: this.view.slice };
      this.far = false;
    }
    this.pointers.set(event.pointerId, event);
  }

  go(event) {
    const before = this.pointers.get(event.pointerId);
    const fingersBefore = [...this.pointers.values()];
    this.pointers.set(event.pointerId, event);
    const fingers = [...this.pointers.values()];
    this.far ||= Math.hypot(event.clientX - this.from.x, event.clientY - this.from.y) > CLICK_PIXELS;
    if (fingers.length === 2) {
      this.far = true;
      this.pinch(fingersBefore, fingers);
    } else if (this.far) {
      this[this.kind]?.(event, event.clientX - before.clientX, event.clientY - before.clientY);
    }
  }

  stop(event) {
    if (this.pointers.delete(event.pointerId) && !this.far && this.kind !== "window" && event.button === 0) {
      const { x, y } = this.pane.point(this.view, event);
      const [tall, wide] = this.view.data.pixel_mm;
      this.view.aim(Math.floor(y / tall), Math.floor(x / wide));
    }
  }

  pan(_event, right, down) {
    const scale = this.pane.scale(this.view);
    this.view.move(-right / scale, -down / scale);
  }

  swipe(event) {
    this.view.goTo(this.from.slice + Math.trunc((event.clientX - this.from.x) / SWIPE_PIXELS));
  }

  window(_event, right, down) {
    const index = this.pane.series(this.view);
    const { signals } = this.view.data.series[index];
    const [low, high] = this.view.windows[index];
    // The width of a picture is the range of signal.
    const unit = (signals[signals.length - 1] - signals[0]) / this.pane.picture.clientWidth;
    this.view.setWindow(index, (low + high) / 2 + down * unit, high - low + right * unit);
  }

  pinch(before, now) {
    const point = this.pane.point(this.view, middleOf(now));
    const moved = this.pane.point(this.view, middleOf(before));
    this.view.move(moved.x - point.x, moved.y - point.y);
    this.view.zoomBy(apart(now) / Math.max(apart(before), 1), this.pane.point(this.view, middleOf(now)));
  }
}

const patientWords = (matrix, slice, row, column) =>
  matrix.map(([perSlice, perRow, perColumn, start], axis) => {
    const value = perSlice * slice + perRow * row + perColumn * column + start;
    return `${["LR", "PA", "SI"][axis][value >= 0 ? 0 : 1]}${Math.abs(value).toFixed(0)}`;
  }).join(" ");

const signalWords = (series, grey, row, column) => {
  if (series.untold) {
    return `${series.name} not told: ${series.untold}`;
  }
  const level = grey.pixels[Math.floor(row / series.factor) * grey.columns + Math.floor(column / series.factor)];
  if (!level) {
    return `${series.name} not covered`;
  }
  const signal = series.signals[level - 1];
  return series.muscle === null
    ? `${series.name} ${printed(signal)} signal units (no muscle: ${series.muscle_reason})`
    : `${series.name} ${printed(signal / series.muscle)} × muscle`;
};

// What lies at a voxel, in words; only what was measured or found.
const wordsAt = (data, slice, { row, column }) => {
  if (row < 0 || column < 0 || row >= data.rows || column >= data.columns) {
    return "";
  }
  const kind = data.kinds[slice.kinds[row * data.columns + column]];
  const found = data.layers.map((layer, at) => layer.labels.find((label) => label.value === kind[at])?.name);
  const names = found.filter((name, at) => data.layers[at].key !== "marrow" || !found[at + 1]);
  const signals = data.series.map((series, at) => signalWords(series, slice.grey[at], row, column));
  const place = `${patientWords(data.to_patient_lps, slice.index, row, column)} mm`;
  return [...signals, ...names, place].filter(Boolean).join(" · ");
};

const listenToHover = (panes, view, hovered) => {
  for (const pane of panes) {
    pane.picture.addEventListener("pointermove", (event) => {
      const { x, y } = pane.point(view, event);
      const [tall, wide] = view.data.pixel_mm;
      hovered({ row: Math.floor(y / tall), column: Math.floor(x / wide) });
    });
    pane.picture.addEventListener("pointerleave", () => hovered(null));
  }
};
