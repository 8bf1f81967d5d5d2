import type { Timeline, TimelineDefinition } from './timeline-schema.ts';
import type { ValueDefinition } from './trials-schema.ts';

/** Why this can be no timeline of its experiment, with what is wrong; `undefined` when it can. */
export function timelineProblem(
  definition: TimelineDefinition | undefined,
  timeline: Timeline | undefined,
): string | undefined {
  if (definition === undefined) return timeline && 'it has a timeline, and the experiment defines none';
  if (timeline === undefined) return 'it has no timeline, and the experiment defines one';
  const { marks, values } = timeline;
  const defined = definition.panels.flatMap((panel) => panel.values.map(({ id }) => ({ id, states: panel.states })));
  const unknown = Object.keys(values).find((id) => !defined.some((value) => value.id === id));
  if (unknown !== undefined) return `its timeline has values of "${unknown}", which the experiment does not define`;

  const intervals = Math.max(0, ...Object.values(values).map(({ length }) => length));
  if (intervals === 0) return 'its timeline has no interval';
  for (const { id, states } of defined) {
    const own = values[id];
    if (own?.length !== intervals) return `its timeline has ${own?.length ?? 0} of ${intervals} intervals of "${id}"`;
    const odd = states && own.find((state) => state !== null && states[state] === undefined);
    if (typeof odd === 'number')
      return `its timeline has ${odd} as a state of "${id}", of which there are ${states?.length}`;
  }
  return markProblem(marks, intervals * definition.intervalSeconds);
}

function markProblem(marks: Timeline['marks'], endSeconds: number): string | undefined {
  const [first] = marks;
  if (first?.atSeconds !== 0) return `the first mark of its timeline is at ${first?.atSeconds} s, not at 0`;
  const early = marks.find(({ atSeconds }, index) => atSeconds <= (marks[index - 1]?.atSeconds ?? -1));
  if (early) return `the mark "${early.label}" of its timeline is not after the one before`;
  const late = marks.find(({ atSeconds }) => atSeconds >= endSeconds);
  return late && `the mark "${late.label}" of its timeline is at ${late.atSeconds} s of ${endSeconds}`;
}

/** What is wrong with a definition, whatever its trials are; `undefined` when nothing is. */
export function timelineDefinitionProblem(
  { panels }: TimelineDefinition,
  trialValues: readonly ValueDefinition[],
): string | undefined {
  const ids = panels.flatMap(({ values }) => values.map(({ id }) => id));
  const repeated = ids.find((id, index) => ids.indexOf(id) !== index);
  if (repeated !== undefined) return `the timeline's value "${repeated}" stands there twice`;
  const odd = panels.find(({ form, states }) => (form === 'states') !== (states !== undefined));
  if (odd) return `the timeline's panel "${odd.id}" must name its states if, and only if, it is of form "states"`;
  const limit = panels
    .flatMap(({ limits }) => limits)
    .find(({ at }) => typeof at === 'string' && !trialValues.some(({ id }) => id === at));
  return limit && `the timeline's limit "${limit.label}" is at the value "${limit.at}", which is not defined`;
}
