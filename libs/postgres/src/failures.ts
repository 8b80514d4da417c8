const UNIQUE_VIOLATION = '23505'
const CHECK_VIOLATION = '23514'
const SERIALIZATION_FAILURE = '40001'
const DEADLOCK_DETECTED = '40P01'
const SEALED_UNDER_REPLACED = 'PNSK1'

/**
 * Admin shutdown, crash shutdown, still starting up: the server goes away or is not there yet. And idle in a transaction for
 * too long: it has hung up on us.
 */
const SERVER_GONE: readonly string[] = ['57P01', '57P02', '57P03', '25P03']

const SOCKET_FAILED: readonly string[] = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOENT']

/** What pg says of a connection that broke; it gives these no code. Of the first kind it sent nothing any more. */
const PG_NOT_SENT = /is not queryable$|^Postgres connection has been discarded/
const PG_LOST = /^(Connection terminated|Query read timeout)/

/** A transaction whose COMMIT was sent but never answered: it may have happened or not. Whoever retries MUST look first. */
export class CommitOutcomeUnknown extends Error {
  override readonly name = 'CommitOutcomeUnknown'

  constructor(cause: unknown) {
    super('the connection was lost while committing: whether it happened is not known', { cause })
  }
}

/** This process seals under a key that is not the newest one of its schema: it keeps nothing, since that would be lost with its key. */
export class SealingKeyReplaced extends Error {
  override readonly name = 'SealingKeyReplaced'

  /** The id of the newest key, hex. */
  constructor(newest: string, options?: ErrorOptions) {
    super(`the newest sealing key is ${newest}, and this process seals under another one`, options)
  }
}

/** The same, where the database was first to see it (sealing-key.ts). */
export function asReplacedSealingKey(error: unknown): unknown {
  const refused = causes(error).find((one) => codeOf(one) === SEALED_UNDER_REPLACED)
  return refused ? new SealingKeyReplaced(/[0-9a-f]{8}$/.exec(refused.message)?.[0] ?? '', { cause: error }) : error
}

/** Whether `error` is the database refusing a second row of the same key, of this constraint when one is named. */
export const isUniqueViolation = (error: unknown, constraint?: string): boolean =>
  isViolation(error, UNIQUE_VIOLATION, constraint)

/** Whether `error` is the database refusing a row that this check of its table forbids. */
export const isCheckViolation = (error: unknown, constraint: string): boolean =>
  isViolation(error, CHECK_VIOLATION, constraint)

const isViolation = (error: unknown, code: string, constraint: string | undefined): boolean =>
  causes(error).some(
    (one) =>
      codeOf(one) === code && (constraint === undefined || ('constraint' in one && one.constraint === constraint)),
  )

/** Whether the transaction lost against another one. It did nothing, and may be run again. */
export function isConflict(error: unknown): boolean {
  return causes(error).some((one) => [SERIALIZATION_FAILURE, DEADLOCK_DETECTED].includes(codeOf(one)))
}

/** Whether the way to the server broke, or was never there. */
export function isConnectionLost(error: unknown): boolean {
  return causes(error).some((one) => {
    const code = codeOf(one)
    if (code.startsWith('08') || SERVER_GONE.includes(code) || SOCKET_FAILED.includes(code)) return true
    return code === '' && (PG_LOST.test(one.message) || PG_NOT_SENT.test(one.message))
  })
}

/** Of a lost connection: whether it was known to be lost already, so that the statement never left this process. */
export function wasNeverSent(error: unknown): boolean {
  return causes(error).some((one) => PG_NOT_SENT.test(one.message))
}

/** The error and what it was caused by. */
function causes(error: unknown): Error[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : []
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}
