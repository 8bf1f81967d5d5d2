import type { BackendShare, OwnerShare, PoolDiagnosis } from '../../analysis/pool-holders.ts';
import type { TrialsAnalysis } from '../../analysis/analyze-trials.ts';
import { formatNumber, formatQuantity, formatShare } from '../formats.ts';
import { paragraph } from '../report-document.ts';
import type { Section, Table } from '../report-document.ts';

/** What is less than this of its series is left out of the tables. */
const leastShare = 0.01;
/** Of owners that are named in words, beside the first. */
const leastNamedShare = 0.1;
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
              `While the fault was there, over all trials; what is below ${formatShare(leastShare)} is left out. The first table is database_connection_held_seconds_total of the service: who has borrowed a connection, and for how much of that time no statement of his was under way. The second one is pg_stat_activity, asked at the end of every interval of the timeline: a statement that is not active is the last that the connection ran, and what is idle outside of a transaction is either in the pool or waiting for the network.`,
            ),
          ],
  };
}

/** Of the series that are wrong on purpose: the cause of what they show. */
export function causesInWords({ pools }: TrialsAnalysis): string[] {
  return pools.filter(({ series }) => series.role === 'control').map(diagnosisInWords);
}

/**
 * `Call in the transaction: 9.5 of 10 connections were held on average; 96 % of that time by change-performance, a
 * transaction without a statement under way for 98 % of it. PostgreSQL saw 94 % of them idle in transaction, …`
 */
function diagnosisInWords({ series, heldConnections, poolSize, owners, backends }: PoolDiagnosis): string {
  const held = `${series.label}: ${formatNumber(heldConnections)} of ${poolSize} connections were held on average`;
  const by = owners.filter(({ share }, index) => index === 0 || share >= leastNamedShare).map(ownerInWords);
  return `${[held, ...by].join('; ')}. ${seenInWords(backends)}`;
}

function ownerInWords({ owner, share, idleShare, callsPerSecond }: OwnerShare): string {
  const what =
    callsPerSecond === undefined
      ? `a transaction without a statement under way for ${formatShare(idleShare)} of it`
      : `a query, ${formatQuantity(callsPerSecond, '1/s')}`;
  return `${formatShare(share)} of that time by ${owner}, ${what}`;
}

function seenInWords(backends: readonly BackendShare[]): string {
  const shareOf = (state: string): string =>
    formatShare(backends.filter((own) => own.state === state).reduce((sum, { share }) => sum + share, 0));
  const waiting = backends.filter(({ state }) => state === 'idle in transaction');
  const longest = Math.max(...waiting.map(({ longestTransactionSeconds }) => longestTransactionSeconds));
  const upTo = waiting.length === 0 ? '' : ` (for up to ${formatQuantity(longest, 's')})`;
  return `PostgreSQL saw ${shareOf('active')} of them active and ${shareOf('idle in transaction')} idle in transaction${upTo}.`;
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
