import { parse } from 'yaml';
import { z } from 'zod';

/** `write-all`, or the access by what it is to. */
const permissionSchema = z.union([z.string(), z.record(z.string(), z.string())]);

const stepSchema = z.looseObject({
  uses: z.string().optional(),
  run: z.string().optional(),
  if: z.string().optional(),
  with: z.record(z.string(), z.unknown()).optional(),
  'continue-on-error': z.unknown().optional(),
});

const jobSchema = z.looseObject({
  needs: z.union([z.string(), z.array(z.string())]).optional(),
  if: z.string().optional(),
  uses: z.string().optional(),
  'timeout-minutes': z.int().optional(),
  permissions: permissionSchema.optional(),
  environment: z.unknown().optional(),
  'continue-on-error': z.unknown().optional(),
  steps: z.array(stepSchema).default([]),
});

const workflowSchema = z.looseObject({
  on: z.union([z.string(), z.array(z.string()), z.record(z.string(), z.unknown())]),
  permissions: permissionSchema.optional(),
  concurrency: z.unknown().optional(),
  env: z.unknown().optional(),
  jobs: z.record(z.string(), jobSchema),
});

export type Workflow = z.infer<typeof workflowSchema>;
type Job = z.infer<typeof jobSchema>;

export function parseWorkflow(text: string): Workflow {
  return workflowSchema.parse(parse(text));
}

/** `owner/action@<40 hex> # v1.2.3`, or something of this repository. */
const pinned = /^\s*(?:- )?uses: (?:\.\/\S+|[\w-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/;

/** Of workflows and of composite actions: a tag can be moved to another commit, a hash can't. */
export function unpinnedActions(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => /^\s*(?:- )?["']?uses["']?\s*:/.test(line) && !pinned.test(line))
    .map((line) => `not pinned as owner/action@<40 hex> # v1.2.3: ${line.trim()}`);
}

export interface WorkflowContext {
  /** `job: permission` of each job that may write, sorted. */
  readonly writes: readonly string[];
  /** Of the Makefile. */
  readonly targets: ReadonlySet<string>;
}

/** What is wrong with a workflow, in sentences. */
export function workflowProblems(text: string, context: WorkflowContext): readonly string[] {
  const workflow = parseWorkflow(text);
  return [
    ...unpinnedActions(text),
    ...permissionProblems(workflow, context.writes),
    ...triggerProblems(workflow),
    ...Object.entries(workflow.jobs).flatMap(([name, job]) => jobProblems(name, job, context.targets)),
  ];
}

function permissionProblems({ permissions, jobs }: Workflow, writes: readonly string[]): readonly string[] {
  const top = permissions === undefined ? ['permissions are not declared'] : [];
  const granted = (of: Job['permissions']): readonly string[] =>
    typeof of === 'string'
      ? [of]
      : Object.entries(of ?? {}).flatMap(([name, access]) => (access === 'write' ? [name] : []));
  const wide = granted(permissions).map((name) => `all jobs are granted ${name}`);
  const found = Object.entries(jobs).flatMap(([name, job]) => granted(job.permissions).map((of) => `${name}: ${of}`));
  return found.toSorted().join() === writes.join()
    ? [...top, ...wide]
    : [...top, ...wide, `jobs may write [${found.toSorted().join(', ')}], reviewed were [${writes.join(', ')}]`];
}

function triggerProblems({ on, concurrency }: Workflow): readonly string[] {
  const triggers = typeof on === 'string' ? [on] : Array.isArray(on) ? on : Object.keys(on);
  return [
    ...(triggers.includes('pull_request_target') ? ['pull_request_target lends our token to foreign code'] : []),
    ...(concurrency === undefined && !triggers.includes('workflow_run') ? ['concurrency is not declared'] : []),
  ];
}

function jobProblems(name: string, job: Job, targets: ReadonlySet<string>): readonly string[] {
  // A called workflow's jobs have their own.
  const timeout = job.uses === undefined && job['timeout-minutes'] === undefined ? ['has no timeout-minutes'] : [];
  return [...timeout, ...job.steps.flatMap((step) => stepProblems(step, targets))].map(
    (problem) => `${name} ${problem}`,
  );
}

function stepProblems({ uses, run = '', with: inputs }: Job['steps'][number], targets: ReadonlySet<string>) {
  const made = [...run.matchAll(/\bmake (\S+)/g)].map(([, target = '']) => target);
  return [
    // Whoever names a branch or writes a title would write our script.
    ...(run.includes('${{') ? [`has an expression in a script: ${run.trim()}`] : []),
    ...made.filter((target) => !targets.has(target)).map((target) => `makes ${target}, no target of the Makefile`),
    ...(uses?.startsWith('actions/checkout@') && inputs?.['persist-credentials'] !== false
      ? ['leaves its token in the work tree: persist-credentials is not false']
      : []),
  ];
}

/**
 * What would let `job` run although `test` has failed or was not run: a missing need, a condition that asks for failure,
 * or a failure that is passed over on the way.
 */
export function waysPast({ jobs }: Workflow, job: string, test: string): readonly string[] {
  const chain = [...needed(jobs, job)];
  const problems = chain.includes(test) ? [] : [`${job} does not need ${test}`];
  for (const name of [job, ...chain]) {
    const { if: condition = '', 'continue-on-error': goesOn } = jobs[name] ?? {};
    // GitHub asks for success by itself only where the condition asks for no status.
    if (/\b(?:always|failure|cancelled|success)\s*\(/.test(condition)) problems.push(`${name} runs if ${condition}`);
    if (goesOn !== undefined) problems.push(`${name} passes over its failure`);
  }
  return problems;
}

/** The jobs that are given a secret, or the environment that has some, in this workflow or in one that they call. */
export function jobsWithSecrets({ jobs, env }: Workflow): readonly string[] {
  const isGiven = (value: unknown): boolean => /\$\{\{[^}]*\bsecrets\b/.test(JSON.stringify(value ?? null));
  return Object.entries(jobs).flatMap(([name, job]) => {
    const environment = JSON.stringify(job.environment ?? '');
    const isTrusted = job['secrets'] !== undefined || environment.includes('production');
    return isTrusted || isGiven(job) || isGiven(env) ? [name] : [];
  });
}

/** What a workflow of tests might leave out and still be green: only what comes after a test may have a condition. */
export function leftOut({ jobs }: Workflow): readonly string[] {
  return Object.entries(jobs).flatMap(([name, { if: condition, steps }]) => [
    ...(condition === undefined ? [] : [`${name} runs only if ${condition}`]),
    ...steps.flatMap(({ run, if: when }) => (run && when ? [`${name} runs "${run}" only if ${when}`] : [])),
  ]);
}

/** The failures that a workflow passes over. */
export function passedOver({ jobs }: Workflow): readonly string[] {
  return Object.entries(jobs).flatMap(([name, job]) =>
    [job, ...job.steps]
      .filter(({ 'continue-on-error': goesOn }) => goesOn !== undefined)
      .map(() => `${name} passes over a failure`),
  );
}

function needed(jobs: Workflow['jobs'], name: string, seen = new Set<string>()): ReadonlySet<string> {
  for (const need of [jobs[name]?.needs ?? []].flat()) {
    if (seen.has(need)) continue;
    seen.add(need);
    needed(jobs, need, seen);
  }
  return seen;
}
