import type { RunRecord } from '../../evidence/schema.ts';
import { formatNumber, formatQuantity, formatShare } from '../formats.ts';
import { paragraph } from '../report-document.ts';
import type { Section, Table } from '../report-document.ts';

/** What was run, on what, from which source; what limits it; and how to do it again. */
export function provenanceSections(run: RunRecord): Section[] {
  return [workloadSection(run), environmentSection(run), provenanceSection(run), limitsSection(run), againSection(run)];
}

function facts(caption: string, rows: readonly (readonly [string, string])[]): Table {
  return { caption, columns: [{ label: 'Fact' }, { label: 'Value' }], rows };
}

function workloadSection({ workload, experiment, profile }: RunRecord): Section {
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
          rows: experiment.variants.map(({ label, description, configuration }) => [
            label,
            description,
            Object.entries(configuration)
              .map(([name, value]) => `${name}=${value}`)
              .join(' '),
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
    ],
  };
}

function environmentSection({ fingerprint, database, environment }: RunRecord): Section {
  return {
    id: 'environment',
    title: 'Environment',
    contents: [
      {
        kind: 'table',
        table: facts('The machine', [
          ['CPU', fingerprint.cpuModel],
          ['cores', formatNumber(fingerprint.cores)],
          ['memory', formatQuantity(fingerprint.memoryBytes, 'bytes')],
          ['kernel', fingerprint.kernel],
          ['hypervisor', fingerprint.hypervisor],
          ['database', database],
          ['environment', environment],
        ]),
      },
      {
        kind: 'table',
        table: {
          caption: 'Every binary that took part',
          columns: [{ label: 'Binary' }, { label: 'Version' }, { label: 'SHA-256' }],
          rows: fingerprint.binaries.map(({ name, version, sha256 }) => [name, version, sha256]),
        },
      },
    ],
  };
}

function provenanceSection({ provenance, id, seed, startedAt, endedAt, files }: RunRecord): Section {
  const {
    commit,
    dirty,
    command,
    loadAverageBefore: loadBefore,
    loadAverageAfter: loadAfter,
    cpuPressureBefore,
    cpuPressureAfter,
  } = provenance;
  return {
    id: 'provenance',
    title: 'Provenance',
    contents: [
      {
        kind: 'table',
        table: facts('Where the numbers come from', [
          ['run', id],
          ['commit', commit],
          ['work tree', dirty ? 'DIRTY: the commit alone does not give this code' : 'clean'],
          ['command', command],
          ['seed', String(seed)],
          ['started', startedAt],
          ['ended', endedAt],
          ['load average before, after', `${formatNumber(loadBefore)}, ${formatNumber(loadAfter)}`],
          [
            'CPU pressure of the last 10 s before, after',
            `${pressureInWords(cpuPressureBefore)}, ${pressureInWords(cpuPressureAfter)}`,
          ],
          ...Object.entries(files).map(([name, sha256]) => [`SHA-256 of ${name}`, sha256] as const),
        ]),
      },
    ],
  };
}

function pressureInWords(share: number | undefined): string {
  return share === undefined ? 'not kept by the kernel' : formatShare(share);
}

function limitsSection({ experiment, profile }: RunRecord): Section {
  const firstLook =
    profile.name === 'quick'
      ? [
          'This is the quick profile: short slots and few blocks, a first look. What is published comes from the full one.',
        ]
      : [];
  return { id: 'limits', title: 'Limits', contents: [{ kind: 'list', items: [...firstLook, ...experiment.limits] }] };
}

function againSection({ provenance, id, seed }: RunRecord): Section {
  return {
    id: 'reproduce',
    title: 'Do it again',
    contents: [
      paragraph(`The run, with the same source; seed ${seed} gives the same order of slots and the same control:`),
      { kind: 'code', text: `git checkout ${provenance.commit}\n${provenance.command}` },
      paragraph('This report from its evidence, byte for byte:'),
      { kind: 'code', text: `make report RUN=reports/${id}` },
    ],
  };
}
