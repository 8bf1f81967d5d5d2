import type { RunRecord } from '../../evidence/schema.ts';
import { formatNumber, formatQuantity } from '../formats.ts';
import type { Section } from '../report-document.ts';
import { partSettingsContents } from './part-settings.ts';
import { facts, frameSections } from './run-frame.ts';

/** What was run, on what, from which source; what limits it; and how to do it again. */
export function provenanceSections(run: RunRecord): Section[] {
  const frame = frameSections(run, {
    profile: run.profile.name,
    limits: run.experiment.limits,
    quickMeans: 'short slots and few blocks, a first look',
    seedGives: 'the same order of slots and the same control',
  });
  return [workloadSection(run), ...frame];
}

function workloadSection(run: RunRecord): Section {
  const { workload, experiment, profile } = run;
  const inWords = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  return {
    id: 'workload',
    title: 'Workload and variants',
    contents: [
      {
        kind: 'table',
        table: {
          caption: 'Variants',
          columns: [{ label: 'Variant' }, { label: 'What it is' }, { label: 'Configuration' }],
          rows: experiment.variants.map(({ label, description, configuration, workers }) => [
            label,
            description,
            [
              ...Object.entries(configuration).map(([name, value]) => `${name}=${value}`),
              ...(workers === undefined ? [] : [`ROLE=api, and ROLE=worker in ${workers} more`]),
            ].join(' '),
          ]),
        },
      },
      {
        kind: 'table',
        table: facts('The profile and the workload, as declared', [
          ['profile', profile.name],
          ['blocks', formatNumber(profile.blocks)],
          ['time to live in the cache', formatQuantity(profile.cacheTtlSeconds, 's')],
          ['warm-up of a slot', formatQuantity(profile.warmUpSeconds, 's')],
          ['window of a slot', formatQuantity(profile.windowSeconds, 's')],
          ...Object.entries(workload).map(([name, value]) => [name, inWords(value)] as const),
        ]),
      },
      ...partSettingsContents(run),
    ],
  };
}
