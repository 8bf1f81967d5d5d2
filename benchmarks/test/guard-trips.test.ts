import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { assert, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { binomialUpperBound } from '../analysis/binomial-bound.ts';
import { readEvidence } from '../evidence/read-evidence.ts';
import type { Evidence } from '../evidence/schema.ts';
import { discardedInWords, gateTripsInWords, tripsByGuard, tripsByRole, tripsInWords } from '../micro/trip-tables.ts';
import { composeProbesDocument, probesDocumentFile } from '../probes-document.ts';
import { slotsNeeded } from '../protocol/guard-trips.ts';
import { reportsFolder, runFolders } from '../run-folder.ts';
import { syntheticEvidence } from './synthetic-evidence.ts';
import { calibrationGroup, gateRecord } from './synthetic-gate.ts';

const published = await Promise.all((await runFolders()).map(readEvidence));

describe('the page of probes and guards', () => {
  it('is what figures.json and all published slots give: make docs writes it', async () => {
    const file = path.join(reportsFolder, '..', probesDocumentFile);
    expect(await readFile(file, 'utf8')).toBe(await composeProbesDocument(published));
  });

  it('counts every measured slot of every published run, counted here in another way', async () => {
    let [slots, tripped] = [0, 0];
    for (const folder of await runFolders()) {
      const run: { slots?: { role: string; guards: { held: boolean }[] }[] } = JSON.parse(
        await readFile(path.join(folder, 'run.json'), 'utf8'),
      );
      for (const { role, guards } of run.slots ?? []) {
        slots += Number(role === 'measured');
        tripped += Number(role === 'measured' && !guards.every(({ held }) => held));
      }
    }
    expect(slots).toBeGreaterThan(100);
    const runs = published.flatMap((evidence) => ('trials' in evidence ? [] : [evidence]));
    expect(tripsInWords({ runs, calibration: undefined })).toContain(`In ${tripped} of ${slots} measured slots`);
  });
});

/** A run in which `guard` did not hold in the measured slot of this place. */
function withTrip(guard: string, place: number): Evidence {
  const { run, ...rest } = syntheticEvidence({ blocks: 6 });
  const tripping = run.slots.filter(({ role }) => role === 'measured')[place];
  const slots = run.slots.map((slot) =>
    slot === tripping
      ? { ...slot, guards: slot.guards.map((own) => ({ ...own, held: own.held && own.guard !== guard })) }
      : slot,
  );
  return { ...rest, run: { ...run, slots } };
}

describe('the count of trips', () => {
  const counted = { runs: [syntheticEvidence({ blocks: 6 }), withTrip('generator-cpu', 3)], calibration: undefined };

  it('has the trip in its run, in the sum and in the guard’s row, and nowhere else', () => {
    expect(tripsByRole(counted).match(/measured \| 24 \| 0 \|/g)).toHaveLength(1);
    expect(tripsByRole(counted).match(/measured \| 24 \| 1 \|/g)).toHaveLength(1);
    expect(tripsByRole(counted)).toContain('| all runs | measured | 48 | 1 |');
    expect(tripsByGuard(counted).match(/1 of/g)).toHaveLength(1);
    expect(tripsByGuard(counted)).toContain('| generator-cpu | 1 of 48 | 0 of');
  });

  it('says how many slots are missing until the bound is 1 in 100', () => {
    const { judged, tripped } = { judged: 48, tripped: 1 };
    const needed = slotsNeeded({ judged, tripped }, 0.01);
    expect(tripsInWords(counted)).toMatch(new RegExp(`it takes ${needed - judged} more without a trip to say so`));
  });

  it('takes the gate in: instances that were under load at once are one block, however many of them tripped', () => {
    const foreign = { guard: 'foreign-cpu', held: false, observed: '9 %', limit: 'at most 5 %' };
    const { slots } = calibrationGroup();
    const busy = slots.map((slot) => (slot.block === 2 ? { ...slot, attempt: 3, broken: [foreign] } : slot));
    const groups = [calibrationGroup(), calibrationGroup({ group: 1, slots: busy })];
    const { fingerprint } = gateRecord();
    const calibration = { conditions: { commit: '0', seed: 1, fingerprint }, groups, gates: [gateRecord()] };
    const withGate = { ...counted, calibration };
    expect(tripsByRole(withGate)).toContain('| gate-calibration | blocks of all instances | 18 | 1 |');
    expect(tripsByRole(withGate)).toContain('| all | measured, and blocks of the gate | 66 | 2 |');
    expect(gateTripsInWords(withGate)).toContain('these tripped: foreign-cpu in 1 of 18 blocks');
    expect(discardedInWords(withGate)).toContain('and 2 of 20 attempts at blocks of the gate');
  });

  it('needs 299 slots where none has tripped, and else as few as keep the bound', () => {
    expect(slotsNeeded({ judged: 0, tripped: 0 }, 0.01)).toBe(299);
    assert(
      property(integer({ min: 0, max: 20 }), integer({ min: 1, max: 20 }), (tripped, percent) => {
        const needed = slotsNeeded({ judged: 0, tripped }, percent / 100);
        expect(binomialUpperBound(tripped, needed)).toBeLessThanOrEqual(percent / 100);
        expect(binomialUpperBound(tripped, needed - 1)).toBeGreaterThan(percent / 100);
      }),
    );
  });
});
