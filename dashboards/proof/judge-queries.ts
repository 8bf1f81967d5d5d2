import type { PanelQuery } from '../source/panel.ts';
import type { LeftOut, LoadWindow } from './outcome.ts';
import type { Series } from './prometheus-api.ts';

/** A rate looks back for some seconds: a load is seen so long after its end. */
const afterglowSeconds = 5;

/** What a line must do in a run that had to leave out its load: it may stand, and need not be there. */
export function asFarAsDone(moves: PanelQuery['moves'], leftOut: LeftOut): PanelQuery['moves'] {
  if (typeof moves === 'object' && 'stands' in moves) return moves;
  const stands = leftOut[typeof moves === 'string' ? moves : moves.varies];
  return stands === undefined ? moves : { stands, mayBeEmpty: true };
}

/**
 * Why what Prometheus answered does not do, or nothing. An answer may not be empty; and under the load that is named for
 * it at least one line must leave what it was while all was quiet, or appear; or at least vary, where that is declared.
 */
export function problemOf(
  moves: PanelQuery['moves'],
  series: readonly Series[],
  windows: readonly LoadWindow[],
): string | undefined {
  if (typeof moves === 'object' && 'stands' in moves)
    return series.length === 0 && !moves.mayBeEmpty ? 'it has no data' : undefined;
  if (series.length === 0) return 'it has no data';
  const namedLoad = typeof moves === 'string' ? moves : moves.varies;
  const loaded = windows.filter(({ load }) => load === namedLoad);
  if (loaded.length === 0) return `the run had no ${namedLoad} to hold it against`;
  if (typeof moves !== 'string') return isConstant(series, loaded) ? `it was constant under ${namedLoad}` : undefined;
  const quiet = windows.find(({ load }) => load === 'quiet');
  if (!quiet) return 'the run had no quiet to hold it against';
  const moved = series.some(({ points }) => {
    const before = valuesIn(points, quiet.fromSeconds, quiet.toSeconds);
    return loaded.some(({ fromSeconds, toSeconds }) => {
      const under = valuesIn(points, fromSeconds, toSeconds + afterglowSeconds);
      if (under.length === 0) return false;
      if (before.length === 0) return true;
      return Math.max(...under) > Math.max(...before) || Math.min(...under) < Math.min(...before);
    });
  });
  return moved ? undefined : `it did not move under ${moves}`;
}

/** All lines of it, in each window by itself. */
function isConstant(series: readonly Series[], windows: readonly LoadWindow[]): boolean {
  return series.every(({ points }) =>
    windows.every(({ fromSeconds, toSeconds }) => new Set(valuesIn(points, fromSeconds, toSeconds)).size <= 1),
  );
}

function valuesIn(points: Series['points'], fromSeconds: number, toSeconds: number): readonly number[] {
  return points.filter(([at]) => at >= fromSeconds && at <= toSeconds).map(([, value]) => value);
}
