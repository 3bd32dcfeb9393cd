// Outlines of labels half way between voxel centres, like those of the page's pictures.

const SIDES = { top: [0.5, 0], right: [1, 0.5], bottom: [0.5, 1], left: [0, 0.5] };
// Which sides of the square between four voxels a line joins, by which of them are inside:
// 8 top left, 4 top right, 2 bottom right, 1 bottom left. Inside voxels that only touch stay apart.
const LINES = [
  [], ["left", "bottom"], ["bottom", "right"], ["left", "right"],
  ["top", "right"], ["top", "right", "left", "bottom"], ["top", "bottom"], ["left", "top"],
  ["left", "top"], ["top", "bottom"], ["left", "top", "bottom", "right"], ["top", "right"],
  ["left", "right"], ["bottom", "right"], ["left", "bottom"], [],
];

const addLines = (path, square, column, row) => {
  const sides = LINES[square];
  for (let at = 0; at < sides.length; at += 2) {
    const [x0, y0] = SIDES[sides[at]];
    const [x1, y1] = SIDES[sides[at + 1]];
    path.moveTo(column + x0 + 0.5, row + y0 + 0.5);
    path.lineTo(column + x1 + 0.5, row + y1 + 0.5);
  }
};

// One path for each value: `valueOf` gives the value of a voxel by its place, 0 outside. In voxels, corners at 0.
const outlinesOf = (rows, columns, valueOf) => {
  const paths = new Map();
  const at = (row, column) =>
    row < 0 || column < 0 || row >= rows || column >= columns ? 0 : valueOf(row * columns + column);
  for (let row = -1; row < rows; row += 1) {
    let topLeft = 0;
    let bottomLeft = 0;
    for (let column = -1; column < columns; column += 1) {
      const topRight = at(row, column + 1);
      const bottomRight = at(row + 1, column + 1);
      if (topLeft !== topRight || topLeft !== bottomRight || topLeft !== bottomLeft) {
        for (const value of new Set([topLeft, topRight, bottomRight, bottomLeft])) {
          if (value) {
            const square =
              8 * (topLeft === value) + 4 * (topRight === value) + 2 * (bottomRight === value) + (bottomLeft === value);
            if (!paths.has(value)) {
              paths.set(value, new Path2D());
            }
            addLines(paths.get(value), square, column, row);
          }
        }
      }
      topLeft = topRight;
      bottomLeft = bottomRight;
    }
  }
  return paths;
};
