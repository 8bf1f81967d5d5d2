import { benchmarkRun } from './benchmark-run.ts';
import { dataLayer } from './data-layer.ts';
import { goldenSignals } from './golden-signals.ts';
import type { DashboardDefinition } from './panel.ts';
import { seatCreation } from './seat-creation.ts';

export const dashboards: readonly DashboardDefinition[] = [goldenSignals, dataLayer, seatCreation, benchmarkRun];
