import type { Trial } from '../evidence/trials-schema.ts';

/** A trial in one line, for those who watch the run. */
export function describeTrial(label: string, trial: Trial): string {
  const recovery = trial.recoverySeconds.map((seconds) => seconds.toFixed(1)).join(', ');
  const parts = [...countsInWords(trial), ...(recovery === '' ? [] : [`recovered in ${recovery} s`])];
  return [`${label} ${trial.trial}: ${parts.join(', ')}`, ...trial.problems].join('; ');
}

function countsInWords({ reads, accepted, inFlight, lost, duplicates }: Trial): string[] {
  if (!reads) {
    return [`${accepted} accepted`, `${inFlight} in flight`, `${lost} lost`, `${duplicates} duplicate`];
  }
  const { answered, asked, refused, wrong, stale } = reads;
  return [`${answered} of ${asked} reads answered`, `${refused} refused`, `${wrong} wrong`, `${stale} stale`];
}
