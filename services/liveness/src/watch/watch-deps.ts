import type { ApprovalClient, Directory } from '@powernode/approvals'
import type { Clock } from '@powernode/clock'
import type { Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import type { PeerFeed } from '../feed/peer-feed.ts'
import type { WatchMetrics } from '../metrics/watch-metrics.ts'
import type { Tables } from '../store/tables.ts'
import type { Roads } from './probe-peer.ts'

/** What looks after silent peers is handed. */
export type WatchDeps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly logger: Logger
  readonly feed: PeerFeed
  readonly roads: Roads
  readonly directory: Pick<Directory, 'policyOf' | 'autonomy'>
  readonly approvals: Pick<ApprovalClient, 'requestApproval'>
  readonly metrics: WatchMetrics
  readonly tickMs: number
}
