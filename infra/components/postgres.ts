import {
  ComponentResource,
  type ComponentResourceOptions,
  type Input,
  interpolate,
  type Output,
  secret,
} from '@pulumi/pulumi';

import { filesFolder } from './container-files.ts';
import { HardenedContainer, type HardenedContainerArgs } from './hardened-container.ts';
import { createDataVolume, createVolume } from './stack-volume.ts';

export interface PostgresArgs extends Pick<
  HardenedContainerArgs,
  'context' | 'image' | 'ports' | 'memoryMegabytes' | 'cpuSet'
> {
  /** Of the superuser, who comes by TCP only where a port is published. */
  readonly superuserPassword: Input<string>;
  /** Of `ticketing`, the owner of the database. */
  readonly ownerPassword: Input<string>;
  /** Of `monitoring`, who may read statistics only. */
  readonly monitoringPassword: Input<string>;
}

const socketFolder = '/var/run/postgresql';

/**
 * PostgreSQL, its data in a named volume, and a job that gives its roles their passwords over the local socket: with
 * every deployment in which one of them has changed.
 */
export class Postgres extends ComponentResource {
  readonly server: HardenedContainer;
  readonly roles: HardenedContainer;
  /** As the owner, with the password. */
  readonly url: Output<string>;

  constructor(name: string, args: PostgresArgs, options?: ComponentResourceOptions) {
    super('ticketing:data:Postgres', name, {}, options);
    const { superuserPassword, ownerPassword, monitoringPassword, ...rest } = args;
    const data = createDataVolume(args.context, `${name}-data`, { parent: this });
    const socket = createVolume(args.context, `${name}-socket`, { parent: this });
    const socketMount = { name: socket.name, path: socketFolder };
    this.server = new HardenedContainer(
      name,
      {
        ...rest,
        command: ['postgres', ...settings(args.memoryMegabytes)],
        user: 'postgres',
        environment: { POSTGRES_PASSWORD_FILE: `${filesFolder}/superuser-password` },
        files: { secret: { 'superuser-password': superuserPassword } },
        // The parent of PGDATA, as the image of version 18 wants it.
        volumes: [{ name: data.name, path: '/var/lib/postgresql' }, socketMount],
        scratch: ['/tmp'],
        cpus: 2,
        life: {
          kind: 'service',
          // By TCP: while it is set up for the first time it listens on its socket only.
          healthcheck: ['pg_isready', '--quiet', '--host=127.0.0.1', '--username=postgres'],
          stopSeconds: 60,
        },
      },
      { parent: this },
    );
    this.roles = new HardenedContainer(
      `${name}-roles`,
      {
        context: args.context,
        image: args.image,
        entrypoint: ['psql'],
        command: [
          '--no-psqlrc',
          '--quiet',
          `--host=${socketFolder}`,
          '--username=postgres',
          `--file=${filesFolder}/roles.sql`,
        ],
        user: 'postgres',
        files: {
          plain: { 'roles.sql': rolesScript },
          secret: { 'owner-password': ownerPassword, 'monitoring-password': monitoringPassword },
        },
        volumes: [socketMount],
        scratch: ['/tmp'],
        memoryMegabytes: 64,
        cpus: 1,
        life: { kind: 'job' },
      },
      { parent: this, dependsOn: [this.server.container] },
    );
    this.url = secret(interpolate`postgres://ticketing:${ownerPassword}@${name}:5432/ticketing`);
    this.registerOutputs({});
  }
}

/** A quarter of the memory for its own cache, the rest for connections and the kernel's. */
function settings(memoryMegabytes: number): readonly string[] {
  return Object.entries({
    listen_addresses: '*',
    unix_socket_directories: socketFolder,
    max_connections: '100',
    shared_buffers: `${Math.floor(memoryMegabytes / 4)}MB`,
    effective_cache_size: `${Math.floor(memoryMegabytes / 2)}MB`,
    // Parallel workers share memory in /dev/shm, of which a container has 64 MB.
    max_parallel_workers_per_gather: '0',
    random_page_cost: '1.1',
    wal_compression: 'on',
    max_wal_size: '1GB',
    checkpoint_completion_target: '0.9',
    shared_preload_libraries: 'pg_stat_statements',
    track_io_timing: 'on',
  }).flatMap(([setting, value]) => ['-c', `${setting}=${value}`]);
}

/** Neither the log nor pg_stat_statements may have a statement with a password, also when it fails. */
const rolesScript = `\\set ON_ERROR_STOP on
\\set VERBOSITY terse
set pg_stat_statements.track = 'none';
set log_min_error_statement = 'panic';
set log_statement = 'none';
set log_min_duration_statement = -1;
\\set owner_password \`cat ${filesFolder}/owner-password\`
\\set monitoring_password \`cat ${filesFolder}/monitoring-password\`
select format('create role %I login', wanted) from unnest(array['ticketing', 'monitoring']) wanted
 where not exists (select from pg_roles where rolname = wanted) \\gexec
alter role ticketing password :'owner_password';
alter role monitoring password :'monitoring_password';
grant pg_monitor to monitoring;
select 'create database ticketing owner ticketing'
 where not exists (select from pg_database where datname = 'ticketing') \\gexec
\\connect ticketing
create extension if not exists pg_stat_statements;
`;
