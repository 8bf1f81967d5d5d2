import { isDeepStrictEqual } from 'node:util';

import { z } from 'zod';

/** What one part ran with: `PostgreSQL`, by `pg_settings`. */
export const partSettingsSchema = z.strictObject({
  part: z.string(),
  /** Who said so. */
  source: z.string(),
  /** By name, as the part itself writes them; no secrets, no addresses. */
  values: z.record(z.string(), z.string()),
});

/** The same of several variants, or of several series of trials: those that ran with it, in `of`. */
export const sharedSettingsSchema = partSettingsSchema.extend({ of: z.array(z.string()).min(1) });

/** A variant, or a series of trials, and all its parts. */
export const ownedSettingsSchema = z.strictObject({ owner: z.string(), parts: z.array(partSettingsSchema) });

export type PartSettings = z.infer<typeof partSettingsSchema>;
export type SharedSettings = z.infer<typeof sharedSettingsSchema>;
export type OwnedSettings = z.infer<typeof ownedSettingsSchema>;

/** Each different part once, with all who ran with it, in the order in which they come. Of an owner the last word counts. */
export function shareSettings(owned: readonly OwnedSettings[]): SharedSettings[] {
  const shared: SharedSettings[] = [];
  for (const { owner, parts } of new Map(owned.map((own) => [own.owner, own])).values()) {
    for (const own of parts) {
      const same = shared.find(({ part, source, values }) => isDeepStrictEqual({ part, source, values }, own));
      if (same) same.of.push(owner);
      else shared.push({ ...own, of: [owner] });
    }
  }
  return shared;
}
