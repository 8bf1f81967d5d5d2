import { describe, expect, test } from 'vitest';

import type { ActualContainer, ExpectedContainer } from '../deploy/deployed-containers.ts';
import { findDrift } from '../deploy/drift.ts';

const service: ExpectedContainer = {
  id: '1',
  name: 'ticketing-dev-api-1',
  networks: ['net'],
  isService: true,
  files: {},
};
const job: ExpectedContainer = { ...service, id: '2', name: 'ticketing-dev-migration', isService: false };
const running: ActualContainer = {
  id: '1',
  name: service.name,
  networks: ['net'],
  isRunning: true,
  isPaused: false,
  exitCode: 0,
};
const ended: ActualContainer = { ...running, id: '2', name: job.name, networks: [], isRunning: false };

describe('the look for what refresh does not see', () => {
  test('finds nothing when all is as it should be', () => {
    expect(findDrift([service, job], [running, ended])).toEqual([]);
  });

  test('leaves to refresh what refresh sees: a service that has ended or is gone', () => {
    expect(findDrift([service], [{ ...running, isRunning: false, exitCode: 137 }])).toEqual([]);
    expect(findDrift([service], [])).toEqual([]);
  });

  test.each<[string, Partial<ActualContainer>, string]>([
    ['a paused container', { isPaused: true }, 'unpause'],
    ['one that was disconnected', { networks: [] }, 'remove'],
    ['one that somebody else has put in its place', { id: '3' }, 'remove'],
  ])('finds %s', (_what, changes, repair) => {
    expect(findDrift([service], [{ ...running, ...changes }])).toMatchObject([{ name: service.name, repair }]);
  });

  test('finds a job that has failed, so that it is run again', () => {
    expect(findDrift([job], [{ ...ended, exitCode: 1 }])).toMatchObject([{ what: 'ended with 1', repair: 'remove' }]);
  });
});
