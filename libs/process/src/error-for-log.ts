/** What a log line says of an error. */
type LoggedError = { type: string; message: string; code?: string; stack?: string; cause?: LoggedError }

const DEEPEST_CAUSE = 5

/**
 * Takes from an error what helps to find it, and leaves the rest.
 *
 * Libraries hang whole requests, rows and configurations on their errors (Postgres even quotes the offending values
 * in `detail`), so only these few properties are copied, down the chain of causes.
 */
export function errorForLog(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) }
  const code = 'code' in error && (typeof error.code === 'string' || typeof error.code === 'number')
  const cause = causeOf(error)
  return {
    type: error.name,
    message: error.message,
    ...(code && { code: String(error.code) }),
    ...(error.stack && { stack: error.stack }),
    ...(cause !== undefined && depth < DEEPEST_CAUSE && { cause: errorForLog(cause, depth + 1) }),
  }
}

/** Of several errors at once (both addresses of a host refused, say) the first stands for all. */
function causeOf(error: Error): unknown {
  return error.cause ?? (error instanceof AggregateError ? error.errors[0] : undefined)
}
