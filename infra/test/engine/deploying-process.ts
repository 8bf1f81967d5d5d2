import { deploy, destroy } from '../../deploy/deploy-stack.ts';
import { openSession, type SessionRequest } from '../../deploy/stack-session.ts';

/** A process to be killed: `node deploying-process.ts up|down <the request as JSON>`. Prints what Pulumi does, as it does it. */
const [action, request] = process.argv.slice(2);
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a test has written it
const session = await openSession(JSON.parse(request ?? '') as SessionRequest);
await (action === 'up' ? deploy : destroy)(session, {
  onOutput: (text) => process.stdout.write(text),
  onStep: (step) => process.stdout.write(`${step}\n`),
  policies: false,
});
