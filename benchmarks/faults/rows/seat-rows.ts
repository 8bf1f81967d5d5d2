import type { TrialExperiment } from '../../protocol/trial-experiment.ts';
import { consumerSigkill } from './consumer-sigkill.ts';
import { crashPoints } from './crash-points.ts';
import { databaseOutages } from './database-outage.ts';
import { deploys } from './deploys.ts';
import { earlyAcknowledgement } from './early-acknowledgement.ts';
import { inProcessCrash } from './in-process-crash.ts';
import { poison } from './poison.ts';
import { powerCut, powerCutEverysec } from './power-cut.ts';
import { queueReplyLost, transactionalDeadLetter } from './queue-reply-lost.ts';
import { flushAll, groupDestroyed, streamDeleted } from './queue-wipes.ts';
import { redisRestart } from './redis-restart.ts';
import { replyLost } from './reply-lost.ts';
import { bareHeartbeat, zombie } from './zombie.ts';

/** The half of `make faults` about seat creation; one that promises something stands before the control that must break it. */
export const seatSuite: TrialExperiment = {
  protocol: 'trials',
  id: 'seat-faults',
  title: 'Seat creation under faults',
  question: 'What becomes of accepted jobs when processes, Redis, the database or the network fail?',
  claim: {
    text: 'Through the Redis Stream every accepted job ends exactly once, in the database or in the dead letters with its reason, whatever fails, and nobody repairs anything by hand.',
  },
  order: 'one-by-one',
  concurrency: 2,
  series: [
    consumerSigkill,
    crashPoints,
    earlyAcknowledgement,
    inProcessCrash,
    redisRestart,
    powerCut,
    powerCutEverysec,
    ...databaseOutages,
    replyLost,
    queueReplyLost,
    transactionalDeadLetter,
    poison,
    flushAll,
    streamDeleted,
    groupDestroyed,
    zombie,
    bareHeartbeat,
    deploys,
  ],
  values: [
    { id: 'accepted_per_second', label: 'Accepted before the cut', unit: '1/s', better: 'higher' },
    { id: 'accept_p50_seconds', label: 'Answer before the cut, median', unit: 's', better: 'lower' },
    { id: 'accept_p99_seconds', label: 'Answer before the cut, p99', unit: 's', better: 'lower' },
    { id: 'cut_bytes', label: 'Cut off the append-only file', unit: 'bytes', better: 'neither' },
    { id: 'dropped_replies', label: 'Replies dropped', unit: '', better: 'neither' },
    { id: 'attempts_per_key', label: 'Attempts of a key', unit: '', better: 'neither' },
  ],
  comparisons: [],
  limits: [
    'One machine, loopback, data in memory: the faults are those of processes and connections, not of machines.',
    'A power cut is what a disk that keeps its word would still have: the append-only file is cut to its length at the last completed fdatasync.',
    'Not promised, and not tried: the loss of the Redis disk, a failover to an asynchronous replica. What FLUSHALL and DEL take is counted, and breaks nothing.',
    'A row says so much about so many faults: 0 lost of n is at most 3/n at 95 %.',
    'A bound is five times what is expected, so that a busy machine fails no row; the figures beside it are the real ones.',
  ],
  settings: () => ({}),
};
