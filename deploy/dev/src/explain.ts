/** An error in the words of its messages, from the outermost to the cause. */
export function explain(error: unknown): string {
  const parts: string[] = []
  for (let at = error; at instanceof Error && parts.length < DEEPEST; at = at.cause) {
    const message = at instanceof AggregateError ? at.errors.map((one) => explain(one)).join('; ') : at.message
    if (!parts.some((part) => part.includes(message))) parts.push(message)
  }
  return parts.length > 0 ? parts.join(': ') : String(error)
}

const DEEPEST = 5
