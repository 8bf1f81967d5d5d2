import type { Finding } from '../analysis/comparison.ts';

/** As printed; `~` is benchstat's sign for "no difference was detected". */
export const findings: Readonly<Record<Finding, string>> = {
  better: 'better',
  worse: 'worse',
  different: 'different',
  'below-floor': 'real, below the floor',
  'not-detected': '~',
  'out-of-reach': 'too few blocks',
  'not-tested': '',
};
