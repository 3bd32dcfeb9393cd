// The signal plane: every study as a dot that can be read, opened and boxed in.

const NEAR_PX = 14;
const CELL_PX = 16;
const DRAG_PX = 6;

function buildPlane() {
  const plane = cohort.plane;
  if (!plane) return;
  const place = document.getElementById("plane");
  const card = document.getElementById("hover-card");
  const chooser = document.getElementById("plane-region");
  const ground = element("canvas", { tabIndex: 0, role: "application" });
  ground.setAttribute("aria-label", "Studies of the signal plane; arrow keys go from one to the next, Enter opens it");
  const over = element("canvas", { className: "over" });
  // A true link under the pointer: opening in a new tab and copying its address work as everywhere.
  const point = element("a", { className: "plane-point", hidden: true, draggable: false, tabIndex: -1 });
  place.append(ground, over, point);
  document.getElementById("plane-controls").hidden = false;
  card.hidden = false;
  plane.regions.forEach((region, at) => chooser.append(element("option", { value: at }, region.title)));

  const [left, top, right, bottom] = plane.frame;
  const inside = (value, low, high) => Math.min(Math.max(value, low), high);
  const across = (value) => inside(left + ((value - plane.x[0]) / (plane.x[1] - plane.x[0])) * (right - left), left, right);
  const upward = (value) => inside(bottom - ((value - plane.y[0]) / (plane.y[1] - plane.y[0])) * (bottom - top), top, bottom);

  let studies, sides, xs, ys, cells, stamped;
  let faint = null; // all dots, pale: the ground of a filtered plane
  let ink = "";
  let marked = false; // whether anything is drawn over the dots
  let scale = 1;
  let current = -1; // dot under the pointer
  let drag = null;

  function takeRegion() {
    const region = plane.regions[Number(chooser.value)];
    region.decoded ??= fromGaps(region.study);
    studies = region.decoded;
    sides = region.sides;
    xs = Float32Array.from(region.t1, (value) => across(value / 100));
    ys = Float32Array.from(region.stir, (value) => upward(value / 100));
    cells = new Map();
    studies.forEach((_, at) => {
      const key = cellOf(xs[at], ys[at]);
      if (!cells.has(key)) cells.set(key, []);
      cells.get(key).push(at);
    });
    faint = null;
    select(-1);
    draw();
  }

  function cellOf(x, y) {
    return Math.floor(x / CELL_PX) * 1000 + Math.floor(y / CELL_PX);
  }

  // One picture a class, stamped for each dot: drawing thousands of paths would take too long.
  function stamps() {
    const size = Math.ceil(9 * scale);
    return cohort.classes.map((one) => {
      const stamp = element("canvas", { width: size, height: size });
      const pen = stamp.getContext("2d");
      pen.fillStyle = colorOf(one.kind);
      pen.translate(size / 2, size / 2);
      pen.scale(scale, scale);
      pen.fill(new Path2D(`M0 0${one.shape}`));
      return stamp;
    });
  }

  function colorOf(kind) {
    const dot = document.querySelector(`#plane .static-dots .of-${kind}`);
    return dot ? getComputedStyle(dot).fill : "gray";
  }

  function resize() {
    if (!place.clientWidth) return; // on paper
    scale = (place.clientWidth / plane.width) * (window.devicePixelRatio || 1);
    for (const canvas of [ground, over]) {
      canvas.width = Math.round(plane.width * scale);
      canvas.height = Math.round(plane.height * scale);
    }
    takeColors();
    select(current);
  }

  function takeColors() {
    stamped = stamps();
    ink = getComputedStyle(place).color;
    faint = null;
    draw();
    drawOver();
  }

  function draw() {
    if (!stamped) return;
    const pen = ground.getContext("2d");
    pen.clearRect(0, 0, ground.width, ground.height);
    if (keptCount < studyCount) {
      if (!faint) {
        faint = element("canvas", { width: ground.width, height: ground.height });
        stampAll(faint, 0.1, () => true);
      }
      pen.drawImage(faint, 0, 0);
    }
    // Thousands of dots are paler, so that where they crowd is seen.
    stampAll(ground, keptCount > 2000 ? 0.4 : 0.75, (study) => kept[study]);
  }

  function stampAll(canvas, strength, wanted) {
    const pen = canvas.getContext("2d");
    const half = stamped[0].width / 2;
    pen.globalAlpha = strength;
    studies.forEach((study, at) => {
      const type = cohort.class[study];
      if (type >= 0 && wanted(study)) pen.drawImage(stamped[type], Math.round(xs[at] * scale - half), Math.round(ys[at] * scale - half));
    });
    pen.globalAlpha = 1;
  }

  function drawOver() {
    const pen = over.getContext("2d");
    if (marked) pen.clearRect(0, 0, over.width, over.height);
    marked = drag?.moved ?? false;
    pen.strokeStyle = ink;
    pen.lineWidth = 1.5 * scale;
    if (drag?.moved) pen.strokeRect(drag.x * scale, drag.y * scale, (drag.toX - drag.x) * scale, (drag.toY - drag.y) * scale);
    if (current < 0) return;
    // Another value of the same study, its other side, is ringed as well.
    studies.forEach((study, at) => {
      if (study !== studies[current] || at === current) return;
      marked = true;
      pen.beginPath();
      pen.arc(xs[at] * scale, ys[at] * scale, 7 * scale, 0, 7);
      pen.stroke();
    });
  }

  function nearest(x, y) {
    let best = -1;
    let distance = (NEAR_PX * NEAR_PX) / Math.min(1, place.clientWidth / plane.width) ** 2;
    for (let column = -2; column <= 2; column += 1) {
      for (let row = -2; row <= 2; row += 1) {
        for (const at of cells.get(cellOf(x + column * CELL_PX, y + row * CELL_PX)) ?? []) {
          const near = (xs[at] - x) ** 2 + (ys[at] - y) ** 2;
          if (near < distance && kept[studies[at]]) [best, distance] = [at, near];
        }
      }
    }
    return best;
  }

  function select(at) {
    current = at;
    drawOver();
    point.hidden = at < 0;
    if (at < 0) return;
    point.style.left = `${(100 * xs[at]) / plane.width}%`;
    point.style.top = `${(100 * ys[at]) / plane.height}%`;
    const link = linkOf(studies[at]);
    if (link) point.href = link;
    else point.removeAttribute("href");
    point.setAttribute("aria-label", cohort.cases[studies[at]]);
    fillCard(at);
  }

  function fillCard(at) {
    const study = studies[at];
    const region = plane.regions[Number(chooser.value)];
    const side = { l: ", left", r: ", right" }[sides[at]] ?? "";
    const link = linkOf(study);
    const value = (key) => (columns.has(key) ? shown(columns.get(key), study) : "");
    const facts = [["age", value("age")], ["sex", value("sex")], ["scanner", value("scanner")], ["lesions", value("lesions")]];
    card.replaceChildren(
      element("p", {}, element("strong", {}, link ? element("a", { href: link }, cohort.cases[study]) : cohort.cases[study])),
      element("p", {}, `${classWords(study)}, confidence ${value("confidence") || "not told"}`),
      element("p", {}, `T1 / muscle ${(region.t1[at] / 100).toFixed(2)}, STIR / muscle ${(region.stir[at] / 100).toFixed(2)}${side}`),
      element("p", {}, facts.filter(([, text]) => text).map(([name, text]) => `${name} ${text}`).join(" \u00b7 ")),
      element("p", {}, groundWords.get(study) ?? ""),
    );
  }

  function drawingPoint(event) {
    const box = place.getBoundingClientRect();
    return [((event.clientX - box.left) * plane.width) / box.width, ((event.clientY - box.top) * plane.height) / box.height];
  }

  place.addEventListener("pointermove", (event) => {
    const [x, y] = drawingPoint(event);
    if (drag) {
      [drag.toX, drag.toY] = [x, y];
      drag.moved ||= Math.hypot(x - drag.x, y - drag.y) > DRAG_PX;
      if (drag.moved) drawOver();
      return;
    }
    const at = nearest(x, y);
    if (at !== current && (at >= 0 || event.target !== point)) select(at);
  });
  place.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch") return;
    const [x, y] = drawingPoint(event);
    drag = { x, y, toX: x, toY: y, moved: false };
  });
  addEventListener("pointerup", () => {
    const ended = drag;
    drag = null;
    if (!ended?.moved) return;
    const [x0, x1] = [ended.x, ended.toX].sort((a, b) => a - b);
    const [y0, y1] = [ended.y, ended.toY].sort((a, b) => a - b);
    const within = (at) => xs[at] >= x0 && xs[at] <= x1 && ys[at] >= y0 && ys[at] <= y1;
    boxed = studies.filter((_, at) => within(at));
    addEventListener("click", (event) => event.preventDefault(), { capture: true, once: true });
    setTimeout(refilter);
  });
  place.addEventListener("pointerleave", () => {
    if (!drag && document.activeElement !== ground) select(-1);
  });
  ground.addEventListener("click", (event) => select(nearest(...drawingPoint(event))));

  const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  ground.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && current >= 0 && point.href) point.click();
    if (event.key === "Escape") clearAll();
    const way = ways[event.key];
    if (!way) return;
    event.preventDefault();
    select(current < 0 ? nextOf((left + right) / 2, (top + bottom) / 2, [0, 0]) : nextOf(xs[current], ys[current], way));
  });

  // The nearest kept dot in a direction: what lies aside counts threefold.
  function nextOf(x, y, way) {
    let best = current;
    let least = Infinity;
    studies.forEach((study, at) => {
      if (!kept[study] || at === current) return;
      const [dx, dy] = [xs[at] - x, ys[at] - y];
      const along = dx * way[0] + dy * way[1];
      if ((way[0] || way[1]) && along <= 0) return;
      const cost = way[0] || way[1] ? along + 3 * Math.abs(dx * way[1] + dy * way[0]) : Math.hypot(dx, dy);
      if (cost < least) [best, least] = [at, cost];
    });
    return best;
  }

  chooser.addEventListener("change", takeRegion);
  listeners.push(() => {
    if (current >= 0 && !kept[studies[current]]) select(-1);
    draw();
  });
  new ResizeObserver(resize).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", takeColors);
  chooser.value = "0";
  takeRegion();
}
