import type { BackendShare, OwnerShare, PoolDiagnosis } from '../../analysis/pool-holders.ts';
import type { TrialsAnalysis } from '../../analysis/analyze-trials.ts';
import { formatNumber, formatQuantity, formatShare } from '../formats.ts';
import { paragraph } from '../report-document.ts';
import type { Section, Table } from '../report-document.ts';

/** What is less than this of its series is left out of the tables. */
const leastShare = 0.01;
const longestStatement = 110;

/** Who held the pool in each series: by the service's metrics, and as the database saw it. */
export function poolHolderSection({ pools }: TrialsAnalysis): Section {
  return {
    id: 'pool-holders',
    title: 'What held the pool',
    contents:
      pools.length === 0
        ? []
        : [
            { kind: 'list', items: pools.map(diagnosisInWords) },
            { kind: 'table', table: ownerTable(pools) },
            { kind: 'table', table: backendTable(pools) },
            paragraph(
              `While the fault was there, over all trials; what is below ${formatShare(leastShare)} is left out. The first table is database_connection_held_seconds_total of the service: who has borrowed a connection, and for how much of that time no statement of his was under way. The second one is pg_stat_activity, asked several times a second: a statement that is not active is the last that the connection ran, and what is idle outside of a transaction is either in the pool or waiting for the network.`,
            ),
          ],
  };
}

/** `Call in the transaction: 9.9 of 10 connections were held on average, 98 % of that time by change-performance, …` */
function diagnosisInWords({ series, heldConnections, poolSize, owners, backends }: PoolDiagnosis): string {
  const [top] = owners;
  const held = `${series.label}: ${formatNumber(heldConnections)} of ${poolSize} connections were held on average`;
  if (!top) return `${held}.`;
  const busiest = backends.find(({ state }) => state !== 'idle') ?? backends[0];
  const seen = busiest
    ? ` Most often seen at work by the database: ${busiest.state}, ${formatShare(busiest.share)} of what it saw, with ${shortened(busiest)}`
    : '';
  return `${held}, ${formatShare(top.share)} of that time by ${top.owner}, which had no statement under way for ${formatShare(top.idleShare)} of it.${seen}`;
}

function ownerTable(pools: readonly PoolDiagnosis[]): Table {
  return {
    caption: 'Connections by who held them',
    columns: [
      { label: 'Series' },
      { label: 'Held by' },
      ...['Share of what was held', 'Connections, on average', 'Without a statement', 'Statements'].map((label) => ({
        label,
        numeric: true,
      })),
    ],
    rows: pools.flatMap((pool) =>
      pool.owners.filter(({ share }) => share >= leastShare).map((owner) => ownerRow(pool, owner)),
    ),
  };
}

function ownerRow({ series, heldConnections }: PoolDiagnosis, { owner, share, idleShare, callsPerSecond }: OwnerShare) {
  return [
    series.label,
    owner,
    formatShare(share),
    formatNumber(share * heldConnections),
    formatShare(idleShare),
    callsPerSecond === undefined ? 'a transaction' : formatQuantity(callsPerSecond, '1/s'),
  ];
}

function backendTable(pools: readonly PoolDiagnosis[]): Table {
  return {
    caption: "The service's connections as the database saw them",
    columns: [
      { label: 'Series' },
      { label: 'State' },
      { label: 'Share of what was seen', numeric: true },
      { label: 'Longest transaction', numeric: true },
      { label: 'Statement, running or last', wide: true },
    ],
    rows: pools.flatMap(({ series, backends }) =>
      backends
        .filter(({ share }) => share >= leastShare)
        .map((backend) => [
          series.label,
          backend.state,
          formatShare(backend.share),
          backend.longestTransactionSeconds === 0 ? '–' : formatQuantity(backend.longestTransactionSeconds, 's'),
          shortened(backend),
        ]),
    ),
  };
}

function shortened({ statement }: BackendShare): string {
  return statement.length <= longestStatement ? statement : `${statement.slice(0, longestStatement)}…`;
}
