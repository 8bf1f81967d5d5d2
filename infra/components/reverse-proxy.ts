import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi';

import { filesFolder } from './container-files.ts';
import { HardenedContainer, type HardenedContainerArgs } from './hardened-container.ts';
import { adminPort, apiPort } from './ticketing-service.ts';

export interface ReverseProxyArgs extends Pick<HardenedContainerArgs, 'context' | 'image'> {
  /** Names in the stack's network of the api's replicas. */
  readonly replicas: readonly string[];
  readonly hostPort: number | undefined;
}

/** In its container. */
export const reverseProxyPort = 8080;
const ownPort = 8404;

/**
 * HAProxy before the api's replicas: one that is not ready, or does not take a connection, is passed over. It is there
 * before they are, and finds them as they come.
 */
export class ReverseProxy extends ComponentResource {
  readonly server: HardenedContainer;
  readonly #name: string;

  constructor(name: string, args: ReverseProxyArgs, options?: ComponentResourceOptions) {
    super('ticketing:service:ReverseProxy', name, {}, options);
    this.#name = name;
    this.server = new HardenedContainer(
      name,
      {
        context: args.context,
        image: args.image,
        command: ['haproxy', '-W', '-db', '-f', `${filesFolder}/haproxy.cfg`],
        user: 'haproxy',
        files: { plain: { 'haproxy.cfg': configurationOf(args.replicas) } },
        ports: { [reverseProxyPort]: args.hostPort },
        scratch: ['/tmp'],
        memoryMegabytes: 128,
        cpus: 1,
        life: {
          kind: 'service',
          healthcheck: ['wget', '-q', '-O', '/dev/null', `http://127.0.0.1:${ownPort}/`],
          stopSeconds: 30,
        },
      },
      { parent: this },
    );
    this.registerOutputs({});
  }

  /** Answers 200 while requests are sent to this replica, in the stack's network. */
  rotationUrl(replica: string): string {
    return `http://${this.#name}:${ownPort}/in-rotation/${replica}`;
  }

  get hostPort() {
    return this.server.hostPort(reverseProxyPort);
  }
}

/**
 * Docker's name server is asked again and again, since a replaced replica has another address. A request is sent to
 * another replica when the connection was refused, or was closed before any answer (of requests that change nothing).
 * A check has seconds for its answer, where HAProxy would take its interval. When no replica answers that it is ready,
 * all are sent requests: one that is slow, while the other is replaced, is better than none. The log has the requests that went wrong, or were sent twice, and no others.
 */
function configurationOf(replicas: readonly string[]): string {
  return `global
  log stdout format raw local0 info
  maxconn 4096
resolvers docker
  nameserver docker 127.0.0.11:53
  resolve_retries 3
  timeout resolve 500ms
  timeout retry 500ms
  hold valid 1s
  hold nx 1s
  hold other 1s
defaults
  mode http
  log global
  option httplog
  option dontlognull
  option dontlog-normal
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response response-timeout
  timeout connect 1s
  timeout check 2s
  timeout client 60s
  timeout server 60s
  timeout http-request 15s
frontend api
  bind :${reverseProxyPort}
  http-request disable-l7-retry unless METH_GET
  default_backend replicas
frontend own
  bind :${ownPort}
${replicas.map((replica) => `  http-request return status 503 if { path /in-rotation/${replica} } !{ srv_is_up(replicas/${replica}) }`).join('\n')}
  http-request return status 200
backend replicas
  balance roundrobin
  option httpchk GET /readyz
  http-check expect status 200
  default-server check port ${adminPort} inter 250ms fastinter 100ms fall 2 rise 2 resolvers docker init-addr none
${replicas.map((replica) => `  server ${replica} ${replica}:${apiPort}`).join('\n')}
  option allbackups
${replicas.map((replica) => `  server ${replica}-ready-or-not ${replica}:${apiPort} no-check backup`).join('\n')}
`;
}
