import type { SharedSettings } from '../../evidence/part-settings.ts';
import type { RunFrame } from '../../evidence/schema.ts';
import { paragraph } from '../report-document.ts';
import type { Content } from '../report-document.ts';

/** Named one by one; more of them are counted. */
const mostOwners = 3;

/** What database, Redis servers and service ran with; nothing where the evidence is older than the question. */
export function partSettingsContents({ partSettings }: Pick<RunFrame, 'partSettings'>): Content[] {
  if (partSettings === undefined || partSettings.length === 0) return [];
  const owners = new Set(partSettings.flatMap(({ of }) => of));
  const rows = partSettings.flatMap((own) =>
    Object.entries(own.values).map(([name, value]) => [own.part, name, value, ownersInWords(own, owners.size)]),
  );
  const sources = partSettings.map(({ part, source }) => `${part}: ${source}`);
  return [
    {
      kind: 'table',
      collapsed: true,
      table: {
        caption: `What every part ran with (${rows.length} settings)`,
        columns: [{ label: 'Part' }, { label: 'Setting' }, { label: 'Value' }, { label: 'In' }],
        rows,
      },
    },
    paragraph(
      `Asked of what ran, not copied from what was meant. ${[...new Set(sources)].join('; ')}. What is not listed has the default of its version, of the service the one in service/README.md at the run’s commit.`,
    ),
  ];
}

function ownersInWords({ of }: SharedSettings, all: number): string {
  if (of.length === all) return 'all';
  return of.length > mostOwners ? `${of.length} of ${all}` : of.join(', ');
}
