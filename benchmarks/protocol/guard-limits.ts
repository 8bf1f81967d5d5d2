import type { GuardLimits } from './guards.ts';

/**
 * Of every load on this kind of machine, set from recorded slots so that a healthy one trips at most 1 in 100. How often
 * they have tripped since is counted in reports/probes/README.md.
 */
export const recordedGuardLimits = {
  achievedRateShare: 0.99,
  requestCountsShare: 0.02,
  generatorCpuShare: 0.8,
  virtualUserShare: 0.8,
  scheduleLagMedianSeconds: 0.005,
  foreignCpuShare: 0.05,
  stealShare: 0.05,
  cpuSourcesShare: 0.03,
  cpuSourcesSeconds: 0.05,
  cpuBudgetShare: 0.03,
  percentileDisagreement: 0.05,
  clockStepSeconds: 0.05,
} satisfies GuardLimits;
