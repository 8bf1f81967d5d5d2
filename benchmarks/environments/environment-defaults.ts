/** Variables and their texts. An empty one counts as absent, as the service counts it. */
type Variables = Readonly<Record<string, string | undefined>>;

/** `given` and those defaults for which it has neither the variable nor its `…_FILE` twin. */
export function withDefaults(given: Variables, defaults: Variables): Variables {
  const missing = Object.entries(defaults).filter(([name]) => !given[name] && !given[`${name}_FILE`]);
  return { ...given, ...Object.fromEntries(missing) };
}
