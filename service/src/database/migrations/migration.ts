import type { Database } from '../database.ts';

/** Forward only. Once released, a migration is never edited: the next one corrects it. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  /** One statement an entry, in order. */
  readonly statements: Readonly<Record<Database['engine'], readonly string[]>>;
}
