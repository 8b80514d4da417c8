import type { Logger, Metrics } from '@powernode/process'

/** Why a connection was ended without an answer. */
export type DropReason =
  | 'certificate_missing'
  | 'certificate_not_trusted'
  | 'certificate_ended'
  | 'handshake_timeout'
  | 'handshake_failed'
  | 'plaintext'
  | 'protocol_version'
  | 'silent'
  | 'too_many_connections'
  | 'too_many_handshakes'
  | 'went_away'

/** Counts dropped connections, and tells the log of them. */
export type Drops = {
  readonly note: (reason: DropReason, address: string) => void
  /** Writes one line for each reason and source since the last time: a flood of drops MUST NOT become a flood of lines. */
  readonly report: () => void
}

export function createDrops({ logger, metrics }: { logger: Logger; metrics: Metrics }): Drops {
  const dropped = metrics.counter('fed_connections_dropped_total', 'Connections ended without an answer', ['reason'])
  const unreported = new Map<string, { reason: DropReason; address: string; count: number }>()
  return {
    note(reason, address) {
      dropped.inc({ reason })
      const key = `${reason} ${address}`
      const entry = unreported.get(key)
      if (entry) entry.count += 1
      else if (unreported.size < SOURCES_REMEMBERED) unreported.set(key, { reason, address, count: 1 })
    },
    report() {
      for (const { reason, address, count } of unreported.values()) {
        logger.warn({ reason, remote_address: address, count }, 'connections dropped')
      }
      unreported.clear()
    },
  }
}

const SOURCES_REMEMBERED = 100

/** Which reason an error of the TLS stack stands for. */
export function handshakeProblem(error: Error & { code?: string }, authorizationError: unknown): DropReason {
  if (authorizationError) return 'certificate_not_trusted'
  const code = error.code ?? ''
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return 'handshake_timeout'
  if (code.includes('DID_NOT_RETURN_A_CERTIFICATE')) return 'certificate_missing'
  if (code.includes('HTTP_REQUEST') || code.includes('WRONG_VERSION_NUMBER')) return 'plaintext'
  if (code.includes('PROTOCOL')) return 'protocol_version'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'went_away'
  return 'handshake_failed'
}
