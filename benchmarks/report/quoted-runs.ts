import type { RunEvidence } from '../evidence/trials-schema.ts';

import { seriesTableMarkdown } from './fault-table.ts';
import { composeDocument } from './render-report.ts';

/** What a document may quote of a run. */
const quotations = {
  /** The verdict's sentence, its name in bold, and what limits it. */
  verdict(evidence: RunEvidence): string {
    const { verdict, warnings } = composeDocument(evidence);
    const { name, sentence } = verdict;
    return [`**${name}.**${sentence.slice(name.length + 1)}`, ...warnings].join(' ');
  },
  /** The table of faults. */
  faults(evidence: RunEvidence): string {
    if (!('trials' in evidence)) throw new Error(`${evidence.run.id} is no run in trials: it has no table of faults`);
    return seriesTableMarkdown(evidence);
  },
};

const place = /(?<=<!-- (?!end )(?<what>\w+) of (?<run>[\w-]+) -->\n).*?(?=<!-- end of (?:\w+) -->)/gs;

/** The runs that `text` quotes. */
export function quotedRuns(text: string): readonly string[] {
  return [...new Set([...text.matchAll(place)].flatMap(({ groups }) => groups?.['run'] ?? []))];
}

/**
 * `text` with what it quotes in place: between `<!-- verdict of <run> -->`, or `faults`, and `<!-- end of verdict -->`.
 *
 * @throws for a quotation that there is not, and for a run that is not among `evidence`
 */
export function withQuotedRuns(text: string, evidence: ReadonlyMap<string, RunEvidence>): string {
  return text.replaceAll(place, (_old, what: string, run: string) => {
    const of = evidence.get(run);
    if (!of) throw new Error(`the run "${run}" is quoted and is not in reports/`);
    if (!(what === 'verdict' || what === 'faults')) {
      throw new Error(`"${what}" can't be quoted of a run: there are ${Object.keys(quotations).join(', ')}`);
    }
    return `\n${quotations[what](of)}\n\n`;
  });
}
