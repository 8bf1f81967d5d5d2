type Point = readonly [x: number, y: number];

/**
 * The same outline in fewer bytes: points in the middle of a level or upright stretch are left out, and each segment is
 * written from where the last one ended. Exact for coordinates of one decimal. A path of anything but straight lines
 * (M, L, Z) is handed back as it is.
 */
export function compactPath(path: string): string {
  if (!/^(?:[ML]-?[\d.]+,-?[\d.]+|Z)+$/.test(path)) return path;
  return (path.match(/M[^MZ]+Z?/g) ?? [path]).map(compactOutline).join('');
}

function compactOutline(outline: string): string {
  const points = [...outline.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]): Point => [Number(x), Number(y)]);
  const corners = points.filter((point, index) => !isBetween(points[index - 1], point, points[index + 1]));
  const [start] = corners;
  if (!start) return outline;
  const segments = corners.slice(1).map((to, index) => segment(corners[index] ?? start, to));
  return `M${start.join(',')}${segments.join('')}${outline.endsWith('Z') ? 'Z' : ''}`;
}

function isBetween(before: Point | undefined, point: Point, after: Point | undefined): boolean {
  if (!before || !after) return false;
  return [0, 1].some((axis) => {
    const other = 1 - axis;
    const [from = 0, at = 0, to = 0] = [before[other], point[other], after[other]];
    const level = before[axis] === point[axis] && point[axis] === after[axis];
    return level && Math.min(from, to) <= at && at <= Math.max(from, to);
  });
}

function segment([fromX, fromY]: Point, [toX, toY]: Point): string {
  const [dx, dy] = [difference(fromX, toX), difference(fromY, toY)];
  if (dy === '0') return `h${dx}`;
  return dx === '0' ? `v${dy}` : `l${dx},${dy}`;
}

function difference(from: number, to: number): string {
  return String(Number((to - from).toFixed(1)));
}
