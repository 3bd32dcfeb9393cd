// One picture: grey image, overlays, crosshair, letters of the patient's sides, scale bar.

const BARS_MM = [200, 100, 50, 20, 10, 5, 2, 1];
const BAR_SHARE = 0.3;
const LINES_OF = {
  marrow: { width: 1, dash: [] },
  region: { width: 1.6, dash: [] },
  part: { width: 1.2, dash: [4, 3] },
  lesion: { width: 2, dash: [] },
  dark: { width: 2, dash: [] },
  tissue: { width: 1, dash: [] },
  metal: { width: 1.6, dash: [1.5, 4] },
};
const FILL_SHARE = 0.4;
const CROSS_GAP = 9;

const canvasOf = (rows, columns, paint) => {
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  paint(new Uint32Array(image.data.buffer));
  context.putImageData(image, 0, 0);
  return canvas;
};

// Grey of each level in a window; opaque, lowest byte first as every browser's machine has it.
const greysOf = (signals, [low, high]) => {
  const greys = new Uint32Array(256).fill(0xff000000);
  signals.forEach((signal, place) => {
    const grey = Math.round(within((signal - low) / (high - low), 0, 1) * 255);
    greys[place + 1] = (0xff000000 | (grey * 0x010101)) >>> 0;
  });
  return greys;
};

const coloursOf = (layer) => new Map(layer.labels.map((label) => [label.value, label.colour]));

const outlineOf = (slice, data, at) => {
  if (!slice.outlines.has(at)) {
    const { values } = data.layers[at];
    slice.outlines.set(at, outlinesOf(data.rows, data.columns, (place) => values[slice.kinds[place]]));
  }
  return slice.outlines.get(at);
};

// Where the number of each label of a slice stands: right of it, at its middle.
const numbersOf = (slice, data, at) => {
  if (slice.numbers.has(at)) {
    return slice.numbers.get(at);
  }
  const { values } = data.layers[at];
  const found = new Map();
  slice.kinds.forEach((kind, place) => {
    const value = values[kind];
    if (value) {
      const seen = found.get(value) ?? { right: 0, rows: 0, count: 0 };
      seen.right = Math.max(seen.right, place % data.columns);
      seen.rows += Math.floor(place / data.columns);
      seen.count += 1;
      found.set(value, seen);
    }
  });
  const places = [...found].map(([value, seen]) => ({ value, column: seen.right + 1, row: seen.rows / seen.count + 0.5 }));
  slice.numbers.set(at, places);
  return places;
};

class Pane {
  constructor(element, index, data) {
    this.index = index;
    this.data = data;
    this.picture = element.querySelector(".viewer-picture");
    this.canvas = element.querySelector("canvas");
    this.name = element.querySelector(".viewer-name");
    this.bar = element.querySelector(".viewer-scale-bar");
    this.barText = element.querySelector(".viewer-scale-text");
    ["left", "right", "top", "bottom"].forEach((side, at) => {
      element.querySelector(`.viewer-edge.${side}`).textContent = data.edges[at];
    });
    this.kept = {};
  }

  // Pixels of the screen to a mm.
  scale(view) {
    return Math.min(this.picture.clientWidth / view.width, this.picture.clientHeight / view.height) * view.zoom;
  }

  // A point of the screen in mm of the picture.
  point(view, event) {
    const box = this.picture.getBoundingClientRect();
    const scale = this.scale(view);
    return {
      x: (event.clientX - box.left - box.width / 2) / scale + view.centre.x,
      y: (event.clientY - box.top - box.height / 2) / scale + view.centre.y,
    };
  }

  // The series that is shown: in the flicker the first pane shows the other one.
  series(view) {
    return view.switches.flicker && this.index === 0 ? this.data.series.length - 1 : this.index;
  }

  draw(view, slice) {
    const { clientWidth: width, clientHeight: height } = this.picture;
    const dense = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * dense);
    this.canvas.height = Math.round(height * dense);
    const scale = this.scale(view);
    view.seen = { x: width / scale, y: height / scale };
    const context = this.canvas.getContext("2d");
    context.setTransform(dense, 0, 0, dense, 0, 0);
    // Takes voxels, corners at 0, to the screen.
    const [tall, wide] = this.data.pixel_mm;
    const place = new DOMMatrix([
      wide * scale, 0, 0, tall * scale, width / 2 - view.centre.x * scale, height / 2 - view.centre.y * scale,
    ]);
    this.drawGrey(context, place, view, slice);
    if (view.switches.overlays) {
      this.drawOverlays(context, place, view, slice);
    }
    this.drawTarget(context, place, view, slice);
    this.drawCross(context, place, view);
    this.drawScale(view, scale);
    this.picture.dataset.slice = String(slice.index);
    const shown = this.data.series[this.series(view)];
    this.name.textContent = shown.key === this.data.series[this.index].key ? shown.title : `${shown.title}, flicker`;
    this.picture.dataset.shown = shown.key;
    this.picture.setAttribute("aria-label", `${shown.title}, slice ${slice.index + 1} of ${this.data.slices}`);
  }

  drawGrey(context, place, view, slice) {
    const index = this.series(view);
    const series = this.data.series[index];
    const { rows, columns, pixels } = slice.grey[index];
    const image = this.keep("grey", [slice.index, index, ...view.windows[index]], () => {
      const greys = greysOf(series.signals, view.windows[index]);
      return canvasOf(rows, columns, (image) => pixels.forEach((level, at) => (image[at] = greys[level])));
    });
    const end = place.transformPoint({ x: columns * series.factor, y: rows * series.factor });
    context.imageSmoothingEnabled = view.switches.smooth;
    context.imageSmoothingQuality = "high";
    context.drawImage(image, place.e, place.f, end.x - place.e, end.y - place.f);
  }

  drawOverlays(context, place, view, slice) {
    const shown = this.data.layers.map((layer, at) => ({ layer, at })).filter(({ layer }) => view.layers.has(layer.key));
    if (view.switches.fill) {
      context.globalAlpha = view.opacity * FILL_SHARE;
      context.imageSmoothingEnabled = false;
      const fill = this.keep("fill", [slice.index, ...view.layers], () => this.filled(slice, shown));
      const end = place.transformPoint({ x: this.data.columns, y: this.data.rows });
      context.drawImage(fill, place.e, place.f, end.x - place.e, end.y - place.f);
    }
    context.globalAlpha = view.opacity;
    for (const { layer, at } of shown) {
      const line = LINES_OF[layer.key];
      const colours = coloursOf(layer);
      for (const [value, path] of outlineOf(slice, this.data, at)) {
        this.stroke(context, place, path, { ...line, colour: colours.get(value) });
      }
      if (layer.numbered) {
        this.drawNumbers(context, place, numbersOf(slice, this.data, at), colours);
      }
    }
    context.globalAlpha = 1;
  }

  filled(slice, shown) {
    const word = (colour) => {
      const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
      return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
    };
    const words = shown.map(({ layer }) => new Map(layer.labels.map((label) => [label.value, word(label.colour)])));
    const ofKind = this.data.kinds.map((values) =>
      shown.reduce((below, { at }, order) => words[order].get(values[at]) ?? below, 0));
    return canvasOf(this.data.rows, this.data.columns, (image) =>
      slice.kinds.forEach((kind, at) => (image[at] = ofKind[kind])));
  }

  stroke(context, place, path, { width, dash, colour }) {
    const placed = new Path2D();
    placed.addPath(path, place);
    context.lineWidth = width;
    context.setLineDash(dash);
    context.strokeStyle = colour;
    context.stroke(placed);
    context.setLineDash([]);
  }

  drawNumbers(context, place, numbers, colours) {
    context.font = "600 13px system-ui, sans-serif";
    context.textBaseline = "middle";
    context.lineWidth = 3;
    context.strokeStyle = "#000";
    for (const { value, column, row } of numbers) {
      const at = place.transformPoint({ x: column, y: row });
      context.strokeText(String(value), at.x + 3, at.y);
      context.fillStyle = colours.get(value);
      context.fillText(String(value), at.x + 3, at.y);
    }
  }

  drawTarget(context, place, view, slice) {
    const { target } = view;
    const at = target ? this.data.layers.findIndex((layer) => layer.key === target.layer) : -1;
    if (at < 0) {
      return;
    }
    const path = this.keep("target", [slice.index, target.key], () => {
      const { values } = this.data.layers[at];
      const inside = new Set(target.values);
      const whole = outlinesOf(this.data.rows, this.data.columns, (place) => Number(inside.has(values[slice.kinds[place]])));
      return whole.get(1) ?? new Path2D();
    });
    this.stroke(context, place, path, { width: 4.5, dash: [], colour: "#000" });
    this.stroke(context, place, path, { width: 2, dash: [], colour: "#fff" });
  }

  drawCross(context, place, view) {
    if (!view.cross || !view.switches.cross) {
      return;
    }
    const { x, y } = place.transformPoint({ x: view.cross.column + 0.5, y: view.cross.row + 0.5 });
    const { clientWidth: width, clientHeight: height } = this.picture;
    const path = new Path2D();
    for (const [fromX, fromY, toX, toY] of [
      [0, y, x - CROSS_GAP, y], [x + CROSS_GAP, y, width, y], [x, 0, x, y - CROSS_GAP], [x, y + CROSS_GAP, x, height],
    ]) {
      path.moveTo(fromX, fromY);
      path.lineTo(toX, toY);
    }
    this.stroke(context, new DOMMatrix(), path, { width: 2.5, dash: [], colour: "rgba(0,0,0,.45)" });
    this.stroke(context, new DOMMatrix(), path, { width: 1, dash: [], colour: "rgba(159,232,255,.85)" });
  }

  drawScale(view, scale) {
    const room = Math.min(this.picture.clientWidth, view.width * scale) * BAR_SHARE;
    const length = BARS_MM.find((bar) => bar * scale <= room) ?? BARS_MM[BARS_MM.length - 1];
    this.bar.style.width = `${length * scale}px`;
    this.barText.textContent = `${length} mm`;
  }

  // The last thing made for a purpose, made anew when what it was made from is another.
  keep(name, from, make) {
    const key = from.join(" ");
    if (this.kept[name]?.key !== key) {
      this.kept[name] = { key, made: make() };
    }
    return this.kept[name].made;
  }
}
