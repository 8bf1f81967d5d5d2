import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { experimentIds, findExperiment, headlineExperiments } from '../find-experiment.ts';

it('finds every experiment by the name of its file, the headline ones among them', async () => {
  const ids = await experimentIds();
  expect(ids).toEqual(expect.arrayContaining([...headlineExperiments]));
  for (const id of ids) expect(await findExperiment(id)).toMatchObject({ id });
});

describe('a file that was added', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'find-experiment-test-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const find = async (id: string, text: string) => {
    await writeFile(join(folder, 'own.ts'), text);
    return await findExperiment(id, folder);
  };

  it('is an experiment as soon as it exports one of its name', async () => {
    expect(await find('own', "export const experiment = { id: 'own' };")).toEqual({ id: 'own' });
  });

  it.each([
    [
      'own',
      "export const experiment = { id: 'copied' };",
      'has the id "copied": an id is the file\'s name, set it to "own"',
    ],
    ['own', 'export const other = 1;', 'own.ts must export a const named experiment'],
    ['nobody', '', 'there is no experiment "nobody": the experiments are own'],
  ])('is refused when %s is asked for and it says %s', async (id, text, complaint) => {
    await expect(find(id, text)).rejects.toThrow(complaint);
  });
});
