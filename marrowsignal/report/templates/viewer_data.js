// What the page holds for the viewer: slices as PNG, read byte by byte, because browsers may add noise to what
// a canvas gives back and the values under the pointer are to be exact.

const PNG_HEADER = 8;
const CHUNK_FRAME = 12;

const bytesOf = (uri) => Uint8Array.from(atob(uri.slice(uri.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));

const inflated = async (bytes) => {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

// Undoes Paeth's filter, with which every row of our pictures is stored.
const unfiltered = (rows, columns, stored) => {
  const pixels = new Uint8Array(rows * columns);
  let from = 0;
  let to = 0;
  for (let row = 0; row < rows; row += 1) {
    from += 1;
    for (let column = 0; column < columns; column += 1) {
      const left = column ? pixels[to - 1] : 0;
      const above = row ? pixels[to - columns] : 0;
      const corner = row && column ? pixels[to - columns - 1] : 0;
      const toLeft = Math.abs(above - corner);
      const toAbove = Math.abs(left - corner);
      const toCorner = Math.abs(left + above - 2 * corner);
      const predicted = toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner;
      pixels[to] = stored[from] + predicted;
      from += 1;
      to += 1;
    }
  }
  return pixels;
};

const pictureOf = async (uri) => {
  const bytes = bytesOf(uri);
  const view = new DataView(bytes.buffer);
  const columns = view.getUint32(PNG_HEADER + 8);
  const rows = view.getUint32(PNG_HEADER + 12);
  const start = PNG_HEADER + CHUNK_FRAME + view.getUint32(PNG_HEADER);
  const data = bytes.subarray(start + 8, start + 8 + view.getUint32(start));
  return { rows, columns, pixels: unfiltered(rows, columns, await inflated(data)) };
};

// Labels come as low bytes above high bytes; each value stands for one combination of layers.
const labelsOf = async (uri) => {
  const { rows, columns, pixels } = await pictureOf(uri);
  const size = (rows / 2) * columns;
  return Uint16Array.from({ length: size }, (_, place) => pixels[place] + 256 * pixels[place + size]);
};

class Slices {
  constructor(data) {
    this.data = data;
    this.loaded = new Map();
    this.loading = new Map();
  }

  // What is drawn of a slice, or null while it is not unpacked yet.
  ready(index) {
    return this.loaded.get(index) ?? null;
  }

  load(index) {
    if (!this.loading.has(index)) {
      this.loading.set(index, this.unpack(index));
    }
    return this.loading.get(index);
  }

  async unpack(index) {
    const grey = Promise.all(this.data.series.map((series) => pictureOf(series.uris[index])));
    const { rows, columns, labels } = this.data;
    const kinds = labels.length ? labelsOf(labels[index]) : new Uint16Array(rows * columns);
    const slice = { index, grey: await grey, kinds: await kinds, outlines: new Map(), numbers: new Map() };
    this.loaded.set(index, slice);
    return slice;
  }
}
