import type { RunFrame } from '../../evidence/schema.ts';
import { formatNumber, formatQuantity, formatShare } from '../formats.ts';
import { paragraph } from '../report-document.ts';
import type { Section, Table } from '../report-document.ts';

interface FrameWords {
  readonly profile: 'quick' | 'full';
  readonly limits: readonly string[];
  /** After "This is the quick profile:". */
  readonly quickMeans: string;
  /** After "seed 7 gives". */
  readonly seedGives: string;
}

/** Of any run, whatever its protocol: on what, from which source, what limits it, and how to do it again. */
export function frameSections(run: RunFrame, words: FrameWords): Section[] {
  return [environmentSection(run), provenanceSection(run), limitsSection(words), againSection(run, words)];
}

export function facts(caption: string, rows: readonly (readonly [string, string])[]): Table {
  return { caption, columns: [{ label: 'Fact' }, { label: 'Value' }], rows };
}

function environmentSection({ fingerprint, database, environment, containers }: RunFrame): Section {
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
          ...(containers ? [['container engine', `Docker ${containers.engineVersion}`] as const] : []),
        ]),
      },
      ...(containers ? [imageTable(containers)] : []),
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

function imageTable({ images }: NonNullable<RunFrame['containers']>): Section['contents'][number] {
  return {
    kind: 'table',
    table: {
      caption: 'Every image that took part',
      columns: [{ label: 'Part' }, { label: 'Image' }, { label: 'Id' }],
      rows: images.map(({ part, reference, id }) => [part, reference, id]),
    },
  };
}

function provenanceSection({ provenance, id, seed, startedAt, endedAt, files }: RunFrame): Section {
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

function limitsSection({ profile, limits, quickMeans }: FrameWords): Section {
  const firstLook =
    profile === 'quick' ? [`This is the quick profile: ${quickMeans}. What is published comes from the full one.`] : [];
  return { id: 'limits', title: 'Limits', contents: [{ kind: 'list', items: [...firstLook, ...limits] }] };
}

function againSection({ provenance, id, seed }: RunFrame, { seedGives }: FrameWords): Section {
  return {
    id: 'reproduce',
    title: 'Do it again',
    contents: [
      paragraph(`The run, with the same source; seed ${seed} gives ${seedGives}:`),
      { kind: 'code', text: `git checkout ${provenance.commit}\n${provenance.command}` },
      paragraph(
        'This report from its evidence, byte for byte; and whether it is what the evidence gives, number by number:',
      ),
      { kind: 'code', text: `make report RUN=reports/${id}\nmake verify RUN=reports/${id}` },
    ],
  };
}
