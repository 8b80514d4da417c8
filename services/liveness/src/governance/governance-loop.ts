import { inTransaction, lead } from '@powernode/postgres'
import { forgetFindings } from '../operations/forget-findings.ts'
import * as findings from '../store/findings.ts'
import type { GovernanceDeps } from './governance-deps.ts'
import { governanceMetrics, type GovernanceMetrics } from './governance-metrics.ts'
import { lookAtPeers } from './look.ts'

/** The source documents' tick. */
const EVERY_MS = 60_000

/** Every minute one replica looks at all peerings. A look that failed is named, and made again with the next minute. */
export async function leadGovernance(deps: GovernanceDeps, signal: AbortSignal): Promise<void> {
  const metrics = governanceMetrics(deps.metrics)
  await lead(deps, 'governance', (leading) => lookAgainAndAgain(deps, metrics, leading), signal)
}

async function lookAgainAndAgain(deps: GovernanceDeps, metrics: GovernanceMetrics, signal: AbortSignal): Promise<void> {
  const { clock, logger } = deps
  while (!signal.aborted) {
    try {
      await lookOnce(deps, metrics, signal)
    } catch (error) {
      if (signal.aborted) return
      logger.error({ sweep: 'governance', error }, 'the look at all peerings failed and will be repeated')
    }
    await clock.sleep(EVERY_MS, signal)
  }
}

async function lookOnce(deps: GovernanceDeps, metrics: GovernanceMetrics, signal: AbortSignal): Promise<void> {
  const { db, clock, logger } = deps
  const began = clock.elapsed()
  const { opened, closed, unread } = await lookAtPeers(deps, '', signal)
  const ms = clock.elapsed() - began
  if (opened + closed > 0) logger.info({ sweep: 'governance', count: opened + closed, ms }, 'findings opened or closed')
  await inTransaction(db, (tx) => forgetFindings(tx, clock.now()))
  metrics.looked(await inTransaction(db, findings.counts), { ms, unread: unread.length })
}
