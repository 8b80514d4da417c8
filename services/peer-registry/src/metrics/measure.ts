import { X509Certificate } from 'node:crypto'
import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import { PEER_STATES } from '../peer.ts'
import * as authorities from '../store/authorities.ts'
import * as figures from '../store/figures.ts'
import type { Tables } from '../store/tables.ts'

const EVERY_MS = 15_000

export type MeasureDeps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Keeps the figures that operators draw and alarm on (docs/run-a-platform.md says what to watch). Labels are closed sets, never ids. */
export async function measure({ db, clock, logger, metrics }: MeasureDeps, signal: AbortSignal): Promise<void> {
  const peers = metrics.gauge('fed_peers', 'Peers by state', ['state'])
  const invitations = metrics.gauge('fed_invitations_open', 'Invitations that can be redeemed now')
  const errands = metrics.gauge('fed_errands_owed', 'What is still to be done with other platforms')
  const compromises = metrics.gauge(
    'fed_compromise_notices_owed',
    'Partners that have not signed for our notice of a compromise; overdue: its day is over',
    ['state'],
  )
  const expiry = metrics.gauge(
    'fed_certificate_expiry_timestamp_seconds',
    'When the first certificate of a kind runs out; root and issuing are those of the CA that signs',
    ['kind'],
  )
  while (!signal.aborted) {
    try {
      const { read, authority } = await inTransaction(db, async (tx) => ({
        read: await figures.read(tx, clock.now()),
        authority: await authorities.current(tx),
      }))
      for (const state of PEER_STATES) peers.set({ state }, read.peers.get(state) ?? 0)
      invitations.set(read.openInvitations)
      errands.set(read.errandsOwed)
      compromises.set({ state: 'in_time' }, read.compromisesOwed - read.compromisesOverdue)
      compromises.set({ state: 'overdue' }, read.compromisesOverdue)
      for (const [kind, first] of read.expiries) expiry.set({ kind }, first.getTime() / 1_000)
      expiry.set({ kind: 'root' }, endOf(authority.rootCertificate))
      expiry.set({ kind: 'issuing' }, endOf(authority.issuingCertificate))
    } catch (error) {
      logger.warn({ task: 'measure', error }, 'the figures cannot be read; the last ones stay')
    }
    await clock.sleep(EVERY_MS, signal)
  }
}

const endOf = (der: Buffer): number => new X509Certificate(der).validToDate.getTime() / 1_000
