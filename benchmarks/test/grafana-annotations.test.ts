import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { describe, expect, it, onTestFinished } from 'vitest';

import type { Slot } from '../evidence/schema.ts';
import { createGrafanaAnnotations, grafanaAddress } from '../grafana-annotations.ts';
import { annotateBlock, annotateRun, annotateSlot } from '../protocol/annotation.ts';

interface Seen {
  readonly request: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** Stands in for Grafana: takes what a service account with this token sends, as its HTTP API does. */
async function startStandInGrafana(token: string, answer: 'at once' | 'never' = 'at once') {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void text(request).then((content) => {
      seen.push({ request: `${request.method} ${request.url}`, headers: request.headers, body: JSON.parse(content) });
      if (answer === 'never') return;
      const allowed = request.headers.authorization === `Bearer ${token}`;
      response.writeHead(allowed ? 200 : 401, { 'content-type': 'application/json' });
      response.end(allowed ? '{"message":"Annotation added","id":1}' : '{"message":"Invalid API key"}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no TCP address');
  return { url: `http://127.0.0.1:${address.port}`, seen };
}

const slot: Slot = {
  id: 'block-03-1',
  role: 'measured',
  block: 3,
  position: 1,
  variant: 'after',
  attempt: 1,
  startedAt: '2026-01-01T00:00:00.000Z',
  warmUpSeconds: 5,
  windowSeconds: 20,
  offered: 160,
  rawSha256: '0'.repeat(64),
  guards: [],
};

describe('annotations in Grafana', () => {
  it('are what its API takes: a span in milliseconds, tags, a text, and the token', async () => {
    const { url, seen } = await startStandInGrafana('token-1');
    const notes: string[] = [];
    const annotate = createGrafanaAnnotations({ url: `${url}/grafana`, token: 'token-1' }, (note) => notes.push(note));
    await annotate(annotateSlot('run-1', slot));
    expect(seen).toMatchObject([
      {
        request: 'POST /grafana/api/annotations',
        headers: { authorization: 'Bearer token-1', 'content-type': 'application/json' },
        body: {
          time: Date.parse('2026-01-01T00:00:05Z'),
          timeEnd: Date.parse('2026-01-01T00:00:25Z'),
          tags: ['benchmark', 'run:run-1', 'variant:after', 'block:3'],
          text: 'run-1: block-03-1, after, measured, 160 offered',
        },
      },
    ]);
    expect(notes).toEqual([]);
  });

  it('mark a block from its first slot to its last, and the run as a whole', () => {
    const last = { ...slot, position: 4, startedAt: '2026-01-01T00:02:00.000Z' };
    const other = { ...slot, block: 4, startedAt: '2026-01-01T00:05:00.000Z' };
    expect(annotateBlock('run-1', 3, [slot, last, other])).toMatchObject({
      from: new Date('2026-01-01T00:00:05Z'),
      to: new Date('2026-01-01T00:02:25Z'),
      tags: ['run:run-1', 'block:3'],
    });
    const span = { from: new Date(0), to: new Date(1), title: 'Cache' };
    expect(annotateRun('run-1', span)).toMatchObject({ text: 'run-1: Cache', tags: ['run:run-1'] });
  });

  it.each([
    ['refuses the token', 'wrong', 'at once', /did not take an annotation: 401 .*Invalid API key/],
    ['does not answer', 'token-1', 'never', /did not take an annotation: .*timeout/],
  ] as const)('are noted and given up when Grafana %s', async (_what, token, answer, noted) => {
    const { url } = await startStandInGrafana('token-1', answer);
    const notes: string[] = [];
    await createGrafanaAnnotations({ url, token }, (note) => notes.push(note))(annotateSlot('run-1', slot));
    expect(notes).toEqual([expect.stringMatching(noted)]);
    expect(notes.join('')).not.toContain(token);
  });

  it('are noted and given up when there is no Grafana', async () => {
    const notes: string[] = [];
    const nowhere = { url: 'http://127.0.0.1:1', token: 'token-1' };
    await createGrafanaAnnotations(nowhere, (note) => notes.push(note))(annotateSlot('run-1', slot));
    expect(notes).toHaveLength(1);
  });
});

describe('where Grafana is', () => {
  it('is nowhere unless both are given, the token also by a file', () => {
    expect(grafanaAddress({})).toBeUndefined();
    expect(grafanaAddress({ GRAFANA_URL: '', GRAFANA_TOKEN: '' })).toBeUndefined();
    const folder = mkdtempSync(join(tmpdir(), 'grafana-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'token');
    writeFileSync(file, 'token-2\n');
    const url = 'http://127.0.0.1:3000';
    expect(grafanaAddress({ GRAFANA_URL: url, GRAFANA_TOKEN: 'token-1' })).toEqual({ url, token: 'token-1' });
    expect(grafanaAddress({ GRAFANA_URL: url, GRAFANA_TOKEN_FILE: file })).toEqual({ url, token: 'token-2' });
  });

  it.each([{ GRAFANA_URL: 'http://127.0.0.1:3000' }, { GRAFANA_TOKEN: 'token-1' }])('is half said by %j', (half) => {
    expect(() => grafanaAddress(half)).toThrow('annotations need GRAFANA_URL and GRAFANA_TOKEN');
  });

  it('is refused when it is no address', () => {
    expect(() => grafanaAddress({ GRAFANA_URL: 'grafana', GRAFANA_TOKEN: 't' })).toThrow('got "grafana"');
  });
});
