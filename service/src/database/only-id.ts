/** Of an INSERT of one row that returns its id. */
export function onlyId([row]: readonly { readonly id: number }[]): number {
  if (row === undefined) throw new Error('INSERT … RETURNING id returned no row');
  return row.id;
}
