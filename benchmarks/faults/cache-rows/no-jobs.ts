/** A trial about reads: no job is offered. */
export const noJobs = {
  idleFaults: 0,
  inFlight: 0,
  offered: 0,
  accepted: 0,
  stored: 0,
  deadLettered: 0,
  lost: 0,
  duplicates: 0,
} as const;
