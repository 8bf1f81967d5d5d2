import { readdir } from 'node:fs/promises';

import { execa } from 'execa';

import { isOnPath } from '../benchmarks/toolchain/on-path.ts';
import { toolOrSkip } from '../benchmarks/toolchain/tool-or-skip.ts';

/**
 * `npm run check:workflows`: actionlint over .github/workflows, with shellcheck over the scripts in them. actionlint is
 * built into .tools when this machine has none; where it can't be, the check says SKIPPED, and fails with REQUIRE_ALL=1.
 * Exit status 1 when something is wrong, and when a wrong workflow was let pass.
 */
const workflows = '.github/workflows';
const requireAll = process.env['REQUIRE_ALL'] === '1';

/** Both must be named: an input that no one declares, and a word that the shell would split. */
const wrongWorkflow = `
on: push
jobs:
  wrong:
    runs-on: ubuntu-24.04
    steps:
      - run: echo "\${{ inputs.undeclared }}"
      - run: rm $HOME/$1
`;

async function check(actionlint: string): Promise<readonly string[]> {
  const hasShellcheck = requireAll || (await isOnPath('shellcheck'));
  if (!hasShellcheck) console.log('SKIPPED  the scripts in the workflows: sudo apt-get install -y shellcheck');
  const options = ['-no-color', '-oneline', `-shellcheck=${hasShellcheck ? 'shellcheck' : ''}`, '-pyflakes='];

  const wrong = await execa(actionlint, [...options, '-'], { input: wrongWorkflow, reject: false });
  const mustName = ['"undeclared"', ...(hasShellcheck ? ['SC2086'] : [])];
  const unseen = mustName.filter((words) => !wrong.stdout.includes(words));
  const files = (await readdir(workflows)).map((name) => `${workflows}/${name}`);
  const { failed, stdout, stderr } = await execa(actionlint, [...options, ...files], { reject: false });
  return [
    ...unseen.map(
      (words) => `actionlint is blind: it did not name ${words} in a wrong workflow, but "${wrong.stdout}"`,
    ),
    ...(files.length === 0 ? [`there is no workflow in ${workflows}`] : []),
    ...(failed ? [`${stdout}${stderr}`] : []),
  ];
}

const actionlint = await toolOrSkip('actionlint', { leftOut: 'the workflows', say: (line) => console.log(line) });
const problems = actionlint === undefined ? [] : await check(actionlint.path);
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
