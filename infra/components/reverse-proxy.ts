import { ComponentResource, type ComponentResourceOptions } from '@pulumi/pulumi';

import { filesFolder } from './container-files.ts';
import { HardenedContainer, type HardenedContainerArgs } from './hardened-container.ts';
import { adminPort, apiPort } from './ticketing-service.ts';

export interface ReverseProxyArgs extends Pick<HardenedContainerArgs, 'context' | 'image'> {
  /** Names in the stack's network of the api's replicas. */
  readonly replicas: readonly string[];
  readonly hostPort: number | undefined;
}

const port = 8080;
const ownPort = 8404;

/** HAProxy before the api's replicas: one that is not ready, or does not take a connection, is passed over. */
export class ReverseProxy extends ComponentResource {
  readonly server: HardenedContainer;

  constructor(name: string, args: ReverseProxyArgs, options?: ComponentResourceOptions) {
    super('ticketing:service:ReverseProxy', name, {}, options);
    this.server = new HardenedContainer(
      name,
      {
        context: args.context,
        image: args.image,
        command: ['haproxy', '-W', '-db', '-f', `${filesFolder}/haproxy.cfg`],
        user: 'haproxy',
        files: { plain: { 'haproxy.cfg': configurationOf(args.replicas) } },
        ports: { [port]: args.hostPort },
        scratch: ['/tmp'],
        memoryMegabytes: 128,
        cpus: 1,
        life: {
          kind: 'service',
          healthcheck: ['wget', '-q', '-O', '/dev/null', `http://127.0.0.1:${ownPort}/`],
          stopSeconds: 30,
        },
      },
      { parent: this, ...(options?.dependsOn === undefined ? {} : { dependsOn: options.dependsOn }) },
    );
    this.registerOutputs({});
  }

  get hostPort() {
    return this.server.hostPort(port);
  }
}

/**
 * Docker's name server is asked again and again, since a replaced replica has another address. A request is sent to
 * another replica when the connection was refused, or was closed before any answer (of requests that change nothing).
 */
function configurationOf(replicas: readonly string[]): string {
  return `global
  log stdout format raw local0 notice
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
  option dontlognull
  option redispatch 1
  retries 3
  retry-on conn-failure empty-response response-timeout
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  timeout http-request 15s
frontend api
  bind :${port}
  http-request disable-l7-retry unless METH_GET
  default_backend replicas
frontend own
  bind :${ownPort}
  http-request return status 200
backend replicas
  balance roundrobin
  option httpchk GET /readyz
  default-server check port ${adminPort} inter 250ms fall 1 rise 2 resolvers docker init-addr last,libc,none
${replicas.map((replica) => `  server ${replica} ${replica}:${apiPort}`).join('\n')}
`;
}
