import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { parse } from 'yaml';

import { alertmanagerConfiguration } from '../alertmanager-configuration.ts';
import { compressedNotifications, watchInhibitions } from '../proof/alertmanager.ts';
import { startAlertReceiver } from '../proof/alert-receiver.ts';

describe('the configuration of Alertmanager in a time that runs faster', () => {
  it('waits shorter everywhere, and is otherwise as it is', () => {
    const committed = alertmanagerConfiguration('http://127.0.0.1/10s');
    const short = compressedNotifications(committed, 60);
    const { route, ...rest } = parse(short);
    const { route: _, ...committedRest } = parse(committed);
    expect(rest).toEqual(committedRest);
    expect(route).toEqual({
      receiver: 'webhook',
      group_by: ['alertname'],
      group_wait: '167ms',
      group_interval: '5000ms',
      repeat_interval: '1440000ms',
      routes: [{ matchers: ['severity = page'], receiver: 'webhook', group_wait: '0ms', repeat_interval: '60000ms' }],
    });
  });
});

describe('the receiver of alerts', () => {
  const alert = (alertname: string, status: string) => ({ status, labels: { alertname, severity: 'page' } });

  it('remembers what fires, and refuses what Alertmanager does not send', async () => {
    const receiver = await startAlertReceiver();
    onTestFinished(() => receiver.close());
    const post = async (body: string) => (await fetch(receiver.url, { method: 'POST', body })).status;
    const alerts = [alert('RedisDown', 'firing'), alert('ServiceDown', 'resolved')];
    expect(await post(JSON.stringify({ version: '4', receiver: 'webhook', alerts }))).toBe(200);
    expect([...receiver.delivered]).toEqual(['RedisDown']);
    expect(await post('RedisDown')).toBe(400);
    expect(await post(JSON.stringify({ version: '5', alerts: [alert('SlowQuery', 'firing')] }))).toBe(400);
    expect([...receiver.delivered]).toEqual(['RedisDown']);
  });
});

describe('the watch of what Alertmanager holds back', () => {
  async function startStandIn(answer: () => readonly [status: number, body: unknown]): Promise<string> {
    const server = createServer((request, response) => {
      void text(request).then(() => {
        const [status, body] = request.url === '/api/v2/alerts' ? answer() : [404, null];
        response.writeHead(status).end(JSON.stringify(body));
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }
  const alert = (alertname: string, ...inhibitedBy: readonly string[]) => ({
    labels: { alertname },
    status: { state: inhibitedBy.length > 0 ? 'suppressed' : 'active', inhibitedBy, silencedBy: [] },
  });

  it('remembers it when it is told again later', async () => {
    let alerts = [alert('RedisDown'), alert('PerformanceCacheBypassed', 'f1a3')];
    const watch = watchInhibitions(await startStandIn(() => [200, alerts]));
    await vi.waitUntil(() => watch.inhibited.size > 0);
    alerts = [alert('PerformanceCacheBypassed')];
    await watch.stop();
    expect([...watch.inhibited]).toEqual(['PerformanceCacheBypassed']);
  });

  it('says at its end that Alertmanager could not be asked', async () => {
    const watch = watchInhibitions(await startStandIn(() => [500, 'broken']));
    await expect(watch.stop()).rejects.toThrow('Alertmanager was asked for its alerts, and answered 500');
  });
});
