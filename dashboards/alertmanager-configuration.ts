import { readFileSync } from 'node:fs';

const template = new URL('alertmanager/alertmanager.yml', import.meta.url);
const placeholder = '${ALERT_RECEIVER_URL}';

/**
 * alertmanager.yml with its receiver, any webhook (Alertmanager has a file for it only from 0.26 on).
 * @throws when it is no URL; the message does not repeat it, it may hold a secret
 */
export function alertmanagerConfiguration(receiverUrl: string): string {
  const protocol = URL.parse(receiverUrl)?.protocol;
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new Error('ALERT_RECEIVER_URL must be an http or https URL that takes Alertmanager’s webhooks');
  }
  const text = readFileSync(template, 'utf8');
  return text.replace(`url: ${placeholder}`, () => `url: ${JSON.stringify(new URL(receiverUrl).href)}`);
}

if (import.meta.main) process.stdout.write(alertmanagerConfiguration(process.env['ALERT_RECEIVER_URL'] ?? ''));
