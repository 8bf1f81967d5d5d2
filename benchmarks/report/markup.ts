/** Text that is already markup and must not be escaped again. */
export interface Markup {
  readonly markup: string;
}

type Value = Markup | string | number | undefined | readonly (Markup | undefined)[];

/**
 * A tagged template: every value is escaped unless it is markup itself; arrays are joined, undefined is empty. The
 * template's own indentation is left out.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return { markup: strings.map((string, index) => string.replaceAll(/\n\s+/g, '\n') + render(values[index])).join('') };
}

export function raw(markup: string): Markup {
  return { markup };
}

export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function render(value: Value): string {
  if (value === undefined) return '';
  if (typeof value === 'string' || typeof value === 'number') return escape(String(value));
  return 'markup' in value ? value.markup : value.map((part) => part?.markup ?? '').join('');
}
