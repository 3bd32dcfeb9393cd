// What is shown: one state for all panes.

const ZOOM_MOST = 16;
const ZOOM_STEP = 1.25;
const NARROWEST = 1 / 255; // of the range of signal
const PRESETS = ["auto", "wide", "marrow"];

const within = (value, low, high) => Math.min(Math.max(value, low), high);

class View {
  constructor(data, changed) {
    this.data = data;
    this.changed = changed;
    this.width = data.columns * data.pixel_mm[1];
    this.height = data.rows * data.pixel_mm[0];
    this.seen = { x: this.width, y: this.height };
    this.slice = data.start;
    this.cross = null;
    this.target = null;
    this.layers = new Set(data.layers.filter((layer) => layer.on).map((layer) => layer.key));
    this.opacity = 1;
    this.switches = { overlays: true, cross: true, smooth: true, fill: false, flicker: false, large: false };
    this.fit();
    this.preset("auto");
  }

  fit() {
    this.zoom = 1;
    this.centre = { x: this.width / 2, y: this.height / 2 };
  }

  reset() {
    this.fit();
    this.preset("auto");
  }

  goTo(slice) {
    this.slice = within(Math.round(slice), 0, this.data.slices - 1);
    this.changed();
  }

  toggle(name) {
    this.switches[name] = !this.switches[name];
    this.changed();
  }

  toggleLayer(key) {
    if (!this.layers.delete(key)) {
      this.layers.add(key);
    }
    this.switches.overlays = true;
    this.changed();
  }

  fade(opacity) {
    this.opacity = within(opacity, 0, 1);
    this.changed();
  }

  // A window by its name, in every series.
  preset(name) {
    this.windowName = name;
    this.windows = this.data.series.map((series) => {
      const wide = [series.signals[0], series.signals[series.signals.length - 1]];
      return { auto: series.window, wide, marrow: series.marrow_window ?? series.window }[name];
    });
    this.changed();
  }

  nextPreset() {
    this.preset(PRESETS[(PRESETS.indexOf(this.windowName) + 1) % PRESETS.length]);
  }

  // Level and width of one series, in signal units.
  setWindow(index, level, width) {
    const { signals } = this.data.series[index];
    const low = signals[0];
    const range = signals[signals.length - 1] - low;
    const wide = within(width, range * NARROWEST, range * 2);
    const middle = within(level, low, low + range);
    this.windows[index] = [middle - wide / 2, middle + wide / 2];
    this.windowName = "";
    this.changed();
  }

  // Zooms so that the point under the pointer, in mm of the picture, stays where it is.
  zoomBy(factor, point = this.crossPoint() ?? this.centre) {
    const zoom = within(this.zoom * factor, 1, ZOOM_MOST);
    const share = 1 - this.zoom / zoom;
    const moved = { x: (point.x - this.centre.x) * share, y: (point.y - this.centre.y) * share };
    this.seen = { x: (this.seen.x * this.zoom) / zoom, y: (this.seen.y * this.zoom) / zoom };
    this.zoom = zoom;
    this.move(moved.x, moved.y);
  }

  // Moves what is looked at; the picture cannot be lost.
  move(x, y) {
    const kept = (at, size, seen) => (seen >= size ? size / 2 : within(at, seen / 2, size - seen / 2));
    this.centre = {
      x: kept(this.centre.x + x, this.width, this.seen.x),
      y: kept(this.centre.y + y, this.height, this.seen.y),
    };
    this.changed();
  }

  aim(row, column) {
    const { rows, columns } = this.data;
    this.cross = { row: within(row, 0, rows - 1), column: within(column, 0, columns - 1) };
    this.keepInSight(this.crossPoint());
  }

  stepCross(down, right) {
    const start = this.cross ?? { row: Math.floor(this.data.rows / 2), column: Math.floor(this.data.columns / 2) };
    this.aim(start.row + down, start.column + right);
  }

  // The crosshair in mm of the picture.
  crossPoint() {
    const { pixel_mm: size } = this.data;
    return this.cross && { x: (this.cross.column + 0.5) * size[1], y: (this.cross.row + 0.5) * size[0] };
  }

  keepInSight(point) {
    const far = (axis) => Math.abs(point[axis] - this.centre[axis]) > this.seen[axis] * 0.45;
    if (far("x") || far("y")) {
      this.move(point.x - this.centre.x, point.y - this.centre.y);
    } else {
      this.changed();
    }
  }

  show(target) {
    this.target = target;
    this.slice = target.slice_index;
    if (target.layer) {
      this.switches.overlays = true;
      this.aim(target.row, target.column);
    } else {
      this.changed();
    }
  }
}
