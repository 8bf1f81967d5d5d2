export const imageNames = [
  'redis',
  'postgres',
  'prometheus',
  'alertmanager',
  'redisExporter',
  'postgresExporter',
  'grafana',
  'proxy',
] as const;

export type ImageName = (typeof imageNames)[number];

/** What each part runs when the stack's configuration names no other image: majors of what the lab measures. */
export const defaultImages: Readonly<Record<ImageName, string>> = {
  redis: 'redis:7.4.6-alpine',
  postgres: 'postgres:18.4-alpine',
  prometheus: 'prom/prometheus:v3.7.3',
  alertmanager: 'prom/alertmanager:v0.29.0',
  redisExporter: 'oliver006/redis_exporter:v1.74.0-alpine',
  /** 0.17 is the first that reads the statistics of PostgreSQL 17 and later. */
  postgresExporter: 'quay.io/prometheuscommunity/postgres-exporter:v0.18.1',
  grafana: 'grafana/grafana:12.2.0',
  proxy: 'haproxy:3.2-alpine',
};
