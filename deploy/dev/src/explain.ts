/** An error in the words of its messages, from the outermost to the cause. */
export function explain(error: unknown): string {
  const parts: string[] = []
  for (let at: unknown = error; at !== undefined && parts.length < 5; at = at instanceof Error ? at.cause : undefined) {
    const message =
      at instanceof AggregateError ? at.errors.map(String).join('; ') : at instanceof Error ? at.message : String(at)
    if (!parts.some((part) => part.includes(message))) parts.push(message)
  }
  return parts.join(': ')
}
