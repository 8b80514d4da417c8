/** An error in the words of its messages, from the outermost to the cause. */
export function explain(error: unknown): string {
  const parts: string[] = []
  for (let at = error; at instanceof Error && parts.length < DEEPEST; at = at.cause) {
    const message = at instanceof AggregateError ? at.errors.map((one) => explain(one)).join('; ') : at.message
    if (!parts.some((part) => part.includes(message))) parts.push(message)
  }
  return parts.length > 0 ? parts.join(': ') : String(error)
}

/** Whether an error, or one that led to it, is of a kind. */
export function isBecauseOf(error: unknown, kind: abstract new (...said: never[]) => Error, depth = 0): boolean {
  if (!(error instanceof Error) || depth > DEEPEST) return false
  const several: readonly unknown[] = error instanceof AggregateError ? error.errors : []
  const behind = [error.cause, ...several]
  return error instanceof kind || behind.some((other) => isBecauseOf(other, kind, depth + 1))
}

const DEEPEST = 5
