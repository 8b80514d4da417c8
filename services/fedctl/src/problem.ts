import { CommanderError } from 'commander'
import { Code, ConnectError } from '@connectrpc/connect'
import { TlsFilesBroken } from '@powernode/identity'
import { refusalOf } from '@powernode/rpc'
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.ts'

/** Why a command did not do what was asked, as it is shown and as a program reads it. */
export type ProblemFacts = {
  /**
   * A reason of docs/errors.md, or one of fedctl's own: USAGE, CONTEXT, IDENTITY, TIMEOUT, UNAVAILABLE, INTERRUPTED, FAULT;
   * SPAWN_ENDED; of ledgers EXPORT_CONFLICT, LOG_ROLLED_BACK, RECEIPT_INVALID, ENTRY_MALFORMED.
   */
  readonly reason: string
  readonly message: string
  /** What to do now. */
  readonly next?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly exitCode: ExitCode
}

export class Problem extends Error {
  readonly facts: ProblemFacts
  constructor(facts: ProblemFacts) {
    super(facts.message)
    this.name = 'Problem'
    this.facts = facts
  }
}

export const usage = (message: string, next?: string): Problem =>
  new Problem({ reason: 'USAGE', message, next, exitCode: EXIT.usage })

/** Whatever was thrown, as facts. A refusal keeps its reason; of anything else only the message is shown. */
export function factsOf(error: unknown): ProblemFacts {
  if (error instanceof Problem) return error.facts
  if (error instanceof CommanderError)
    return { reason: 'USAGE', message: error.message.replace(/^error: /, ''), exitCode: EXIT.usage }
  if (error instanceof TlsFilesBroken) {
    const message = error.message.replace(`; mend it: ${error.mend}`, '')
    return { reason: 'IDENTITY', message, next: error.mend, exitCode: EXIT.usage }
  }
  const refusal = refusalOf(error)
  if (refusal) {
    const { reason, message, next, metadata } = refusal
    return { reason, message, next, metadata, exitCode: exitCodeOf(reason) }
  }
  if (error instanceof ConnectError) return fromStatus(error)
  return { reason: 'FAULT', message: error instanceof Error ? error.message : String(error), exitCode: EXIT.fault }
}

/** OpenSSL's words for a server whose CA our files do not know: the CA was replaced while we did not look. */
const NOT_TRUSTED = /certificate CRL|self-signed certificate|issuer certificate|unable to verify/i
const TRUST_ANEW = 'put roots.pem anew and remove crl.pem; ca show --pem of another operator prints it'

function fromStatus(error: ConnectError): ProblemFacts {
  const message = error.rawMessage
  switch (error.code) {
    case Code.DeadlineExceeded:
      return {
        reason: 'TIMEOUT',
        message: 'there was no answer in time',
        next: 'fedctl doctor',
        exitCode: EXIT.timeout,
      }
    case Code.Canceled:
      return {
        reason: 'INTERRUPTED',
        message: 'interrupted; what was begun goes on',
        next: 'fedctl status',
        exitCode: EXIT.fault,
      }
    case Code.Unavailable:
      return {
        reason: 'UNAVAILABLE',
        message,
        next: NOT_TRUSTED.test(message) ? TRUST_ANEW : 'fedctl doctor',
        exitCode: EXIT.fault,
      }
    case Code.PermissionDenied:
    case Code.Unauthenticated:
      return { reason: Code[error.code].toUpperCase(), message, exitCode: EXIT.refusedByPolicy }
    case Code.InvalidArgument:
      return { reason: 'REQUEST_INVALID', message, exitCode: EXIT.usage }
    default:
      return { reason: 'FAULT', message, next: 'the log of the service says more', exitCode: EXIT.fault }
  }
}
