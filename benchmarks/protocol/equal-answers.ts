import type { RunningVariant } from '../environments/environment.ts';
import type { GuardOutcome } from '../evidence/schema.ts';

const atOnce = 8;

async function readAnswer(variant: RunningVariant, path: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(new URL(path, variant.apiUrl), { signal });
  return `${response.status} ${await response.text()}`;
}

/** Both variants got the same writes: every path must now answer with the same status and the same bytes. */
export async function compareAnswers(
  variants: readonly [RunningVariant, RunningVariant],
  paths: readonly string[],
  signal: AbortSignal,
): Promise<GuardOutcome> {
  const different: string[] = [];
  for (let start = 0; start < paths.length; start += atOnce) {
    await Promise.all(
      paths.slice(start, start + atOnce).map(async (path) => {
        const [one, other] = await Promise.all(variants.map((variant) => readAnswer(variant, path, signal)));
        if (one !== other || !one?.startsWith('200 ')) different.push(path);
      }),
    );
  }
  return {
    guard: 'equal-answers',
    held: different.length === 0 && paths.length > 0,
    observed:
      different.length === 0
        ? `${paths.length} answers compared, all the same`
        : `${different.length} of ${paths.length} differ, ${different[0]} among them`,
    limit: 'the same bytes from both variants, all 200',
  };
}
