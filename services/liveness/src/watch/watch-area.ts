import { createGate, executor, runApproved, type ApprovalClient, type Directory } from '@powernode/approvals'
import type { Clock } from '@powernode/clock'
import type { Db } from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import {
  RemediatePeerRequestSchema,
  RemediationService,
} from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import { mount, Refusal, type Mount } from '@powernode/rpc'
import type { PeerFeed } from '../feed/peer-feed.ts'
import { watchMetrics } from '../metrics/watch-metrics.ts'
import { approveRemediation } from '../operations/approve-remediation.ts'
import { isReason } from '../remediation/types.ts'
import { REMEDIATION_CALLERS, remediationHandlers } from '../rpc/remediation.ts'
import type { Tables } from '../store/tables.ts'
import type { Ear } from './ear.ts'
import type { Roads } from './probe-peer.ts'
import { REMEDIATE } from './remedy-peer.ts'
import { watchPeers } from './watch-peers.ts'

type Parts = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly feed: PeerFeed
  readonly ear: Ear
  readonly roads: Roads
  readonly directory: Directory
  readonly approvals: ApprovalClient
  readonly tickMs: number
}

export type WatchArea = {
  readonly mount: Mount
  readonly tasks: readonly ((signal: AbortSignal) => Promise<void>)[]
}

/** All that looks after silent peers: the loop, what operators ask of it, and what people approve. */
export function openWatchArea({ metrics, ear, ...parts }: Parts): WatchArea {
  const { approvals, directory, tickMs } = parts
  const deps = { ...parts, metrics: watchMetrics(metrics) }
  const gate = createGate({ approvals, directory })
  const approved = executor<Tables, typeof RemediatePeerRequestSchema>(
    RemediatePeerRequestSchema,
    async (tx, now, { peerId, reason }, { approvalId }) => {
      if (!isReason(reason)) throw new Refusal('REQUEST_INVALID', `${reason} is no reason`)
      await approveRemediation(tx, now, { peerId, reason, approvalId })
    },
  )
  const approving = {
    ...parts,
    metrics,
    owner: 'service/liveness',
    client: approvals,
    executors: { [REMEDIATE]: approved },
  }
  return {
    mount: mount(RemediationService, remediationHandlers({ ...deps, gate }), REMEDIATION_CALLERS),
    tasks: [
      (signal) => ear.keep(parts, tickMs, signal),
      (signal) => watchPeers(deps, signal),
      (signal) => runApproved(approving, signal),
    ],
  }
}
