import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

import {
  jobsWithSecrets,
  leftOut,
  parseWorkflow,
  passedOver,
  unpinnedActions,
  waysPast,
  type WorkflowContext,
  workflowProblems,
} from './workflow-rules.ts';

const top = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, top), 'utf8');
const targets = new Set([...read('Makefile').matchAll(/^([a-z-]+):/gm)].map(([, target = '']) => target));

/** Each permission to write was read by a person: a new one is added here, or the test fails. */
const reviewedWrites: Readonly<Record<string, readonly string[]>> = {
  'bench.yml': ['pages: id-token', 'pages: pages'],
  'calibrate.yml': [],
  'ci.yml': [],
  'deploy.yml': ['image: attestations', 'image: id-token'],
  'gate-comment.yml': ['comment: pull-requests'],
  'gate.yml': [],
};
const workflowOf = (name: string): string => read(`.github/workflows/${name}`);
const pushed = parseWorkflow(workflowOf('deploy.yml'));
const tested = parseWorkflow(workflowOf('ci.yml'));

describe('the workflows', () => {
  it('are all known here', () => {
    expect(readdirSync(new URL('.github/workflows', top)).toSorted()).toEqual(Object.keys(reviewedWrites));
  });

  it.each(Object.entries(reviewedWrites))('%s keeps the rules', (name, writes) => {
    expect(workflowProblems(workflowOf(name), { writes, targets })).toEqual([]);
  });

  it('set up with pinned actions, too', () => {
    expect(unpinnedActions(read('.github/actions/set-up/action.yml'))).toEqual([]);
  });

  it('pin an action to the same commit everywhere', () => {
    const texts = [...Object.keys(reviewedWrites).map(workflowOf), read('.github/actions/set-up/action.yml')];
    const pins = new Set(texts.flatMap((text) => text.match(/(?<=uses: )[^.\s]\S+@.*/g) ?? []));
    const actions = [...pins].map((pin) => pin.split('@')[0]);
    expect(actions.length).toBeGreaterThan(5);
    expect(actions).toHaveLength(new Set(actions).size);
  });

  it('deploy nothing that was not tested, and nothing that was not published first', () => {
    expect(waysPast(pushed, 'deploy', 'test')).toEqual([]);
    expect(waysPast(pushed, 'deploy', 'image')).toEqual([]);
    expect(pushed.jobs['test']).toMatchObject({ uses: './.github/workflows/ci.yml' });
    expect(pushed.jobs['deploy']).toMatchObject({ environment: 'production' });
    expect([...passedOver(pushed), ...passedOver(tested), ...leftOut(tested)]).toEqual([]);
    expect(pushed.on).toEqual({ push: { branches: ['main'] } });
  });

  it('give secrets to jobs that come after the tests, and to no other', () => {
    const given = Object.keys(reviewedWrites).flatMap((file) =>
      jobsWithSecrets(parseWorkflow(workflowOf(file))).map((job) => `${file}: ${job}`),
    );
    expect(given).toEqual(['deploy.yml: image', 'deploy.yml: deploy']);
    for (const job of ['image', 'deploy']) expect(waysPast(pushed, job, 'test')).toEqual([]);
  });

  it('deploy the digest that they have just published, by the script that is rehearsed', () => {
    expect(pushed.jobs['deploy']).toMatchObject({
      env: { IMAGE: '${{ vars.IMAGE_REPOSITORY }}@${{ needs.image.outputs.digest }}' },
    });
    expect(pushed.jobs['deploy']?.steps.map(({ run }) => run)).toEqual([
      undefined,
      undefined,
      undefined,
      'make deploy',
    ]);
  });

  it('test what the front door has', () => {
    const scripts = Object.values(tested.jobs).flatMap(({ steps }) => steps.map(({ run = '' }) => run));
    const made = scripts.flatMap((run) => run.match(/(?<=make )[a-z-]+/g) ?? []);
    expect(made.toSorted()).toEqual(['check', 'faults', 'image', 'sbom', 'test', 'test-infra']);
    expect(tested).toMatchObject({ env: { REQUIRE_ALL: '1' } });
  });

  it('check out nothing where the token may write a comment', () => {
    expect(workflowOf('gate-comment.yml')).not.toContain('actions/checkout');
  });

  it('measure every experiment that there is, when asked by hand', () => {
    const inputs = z.object({ experiment: z.object({ options: z.array(z.string()) }) });
    const schema = z.object({ on: z.object({ workflow_dispatch: z.object({ inputs }) }) });
    const { on } = schema.parse(parse(workflowOf('bench.yml')));
    const experiments = readdirSync(new URL('benchmarks/experiments', top)).map((file) => file.replace(/\.ts$/, ''));
    expect(on.workflow_dispatch.inputs.experiment.options.toSorted()).toEqual(['headline', ...experiments].toSorted());
  });

  it('install the Pulumi that the program was written for', () => {
    const version = /"@pulumi\/pulumi": "([^"]+)"/.exec(read('package.json'))?.[1];
    const installed = ['ci.yml', 'deploy.yml'].map((name) => /pulumi-version: (\S+)/.exec(workflowOf(name))?.[1]);
    expect(installed).toEqual([version, version]);
  });
});

describe('dependabot', () => {
  it('looks after every kind of dependency, and lets new versions cool down', () => {
    const schema = z.object({ updates: z.array(z.record(z.string(), z.unknown())) });
    const { updates } = schema.parse(parse(read('.github/dependabot.yml')));
    expect(updates.map((update) => update['package-ecosystem'])).toEqual(['npm', 'github-actions', 'docker']);
    for (const update of updates) expect(update['cooldown']).toMatchObject({ 'default-days': expect.any(Number) });
  });
});

const good = `
on: pull_request
permissions: { contents: read }
concurrency: good
jobs:
  test:
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@${'0'.repeat(40)} # v1.2.3
        with: { persist-credentials: false }
      - uses: ./.github/actions/set-up
      - run: make test
        env: { TITLE: '\${{ github.event.pull_request.title }}' }
`;
const context: WorkflowContext = { writes: [], targets: new Set(['test']) };

describe('the rules', () => {
  it('let a good workflow pass', () => {
    expect(workflowProblems(good, context)).toEqual([]);
  });

  it.each([
    ['a tag in the place of a hash', `@${'0'.repeat(40)} # v1.2.3`, '@v1', 'not pinned'],
    ['a hash without its version', ' # v1.2.3', '', 'not pinned'],
    ['a hash that is too short', '0'.repeat(40), '0'.repeat(39), 'not pinned'],
    ['undeclared permissions', 'permissions: { contents: read }', '', 'permissions are not declared'],
    ['permissions for all jobs', 'contents: read', 'contents: write', 'all jobs are granted contents'],
    ['all permissions', '{ contents: read }', 'write-all', 'all jobs are granted write-all'],
    [
      'a permission nobody reviewed',
      '    timeout',
      '    permissions: { packages: write }\n    timeout',
      'test: packages',
    ],
    ['a job without an end', 'timeout-minutes: 5', 'name: endless', 'has no timeout-minutes'],
    ['an expression in a script', 'make test', 'make test ${{ github.head_ref }}', 'expression in a script'],
    ['a target that is not there', 'make test', 'make tset', 'makes tset'],
    ['a token left behind', 'false', 'true', 'persist-credentials'],
    ['our token for foreign code', 'pull_request\n', 'pull_request_target\n', 'pull_request_target'],
    ['runs in each other’s way', 'concurrency: good', '', 'concurrency is not declared'],
  ])('refuse %s', (_what, from, to, problem) => {
    expect(good).toContain(from);
    expect(workflowProblems(good.replace(from, to), context)).toEqual([expect.stringContaining(problem)]);
  });

  it.each([
    ['a missing need', '    needs: [test, image]\n', ''],
    ['a condition that asks for failure', "if: vars.DEPLOY_HOST != ''", 'if: always()'],
    ['a condition that some other status meets', "if: vars.DEPLOY_HOST != ''", 'if: success() || vars.HURRY'],
    ['a condition that a cancelled test meets', "if: vars.IMAGE_REPOSITORY != ''", 'if: ${{ !cancelled() }}'],
    ['a failure that is passed over', '    needs: test\n', '    needs: test\n    continue-on-error: true\n'],
  ])('see the way past the tests in %s', (_what, from, to) => {
    const text = workflowOf('deploy.yml');
    expect(text).toContain(from);
    expect(waysPast(parseWorkflow(text.replace(from, to)), 'deploy', 'test')).toHaveLength(1);
  });

  it.each([
    ['one of a step', '${{ github.event.pull_request.title }}', '${{ secrets.DOCKERHUB_TOKEN }}'],
    ['one by a name in quotes', 'github.event.pull_request.title', 'secrets["DOCKERHUB_TOKEN"]'],
    ['all of them', '    timeout-minutes: 5\n', "    env: { ALL: '${{ toJSON(secrets) }}' }\n    timeout-minutes: 5\n"],
    ['those of the caller', '    timeout-minutes: 5\n', '    secrets: inherit\n'],
    ['those of an environment', '    timeout-minutes: 5\n', '    environment: { name: production }\n'],
    ['one of the workflow', 'concurrency: good', "env: { TOKEN: '${{ secrets.TOKEN }}' }\nconcurrency: good"],
  ])('see a job that is given secrets: %s', (_what, from, to) => {
    expect(jobsWithSecrets(parseWorkflow(good))).toEqual([]);
    expect(good).toContain(from);
    expect(jobsWithSecrets(parseWorkflow(good.replace(from, to)))).toEqual(['test']);
  });

  it.each([
    ['a job', '    timeout-minutes: 5\n', '    timeout-minutes: 5\n    if: vars.SLOW\n'],
    ['a step', '- run: make test\n', '- run: make test\n        if: vars.SLOW\n'],
  ])('see %s of the tests that is left out at times', (_what, from, to) => {
    expect(leftOut(parseWorkflow(good))).toEqual([]);
    expect(leftOut(parseWorkflow(good.replace(from, to)))).toEqual([expect.stringContaining('only if vars.SLOW')]);
  });

  it('see a test whose failure is passed over', () => {
    const text = workflowOf('ci.yml').replace(
      '- run: make check',
      '- run: make check\n        continue-on-error: true',
    );
    expect(passedOver(parseWorkflow(text))).toEqual(['check passes over a failure']);
  });
});
