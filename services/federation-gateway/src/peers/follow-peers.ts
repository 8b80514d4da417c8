import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { Follower } from '@powernode/feed'
import type { Logger, Metrics } from '@powernode/process'
import type { WatchPeersResponse } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { PeerTable } from './peer-table.ts'

export type FollowParts = {
  readonly registry: Client<typeof PeerRegistryService>
  readonly table: PeerTable
  readonly reader: string
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Keeps the table of peers as the registry has it, for as long as the lease on it runs. */
export async function followPeers(parts: FollowParts, signal: AbortSignal): Promise<void> {
  const { registry, table, logger, metrics } = parts
  const known = metrics.gauge('fed_gateway_peers', 'Peers in the table')
  let said = false
  const follower = new Follower<WatchPeersResponse['update']>({
    ...parts,
    feed: 'peers',
    open: (requests, stop) => registry.watchPeers(requests, { signal: stop, timeoutMs: 0 }),
    begin: (replaces) => table.begin(replaces),
    apply: (update) => table.apply(update),
    whole: () => {
      table.whole()
      known.set(table.size)
      if (!said) logger.info({ task: 'follow-peers', count: table.size }, 'all peers known')
      said = true
    },
  })
  table.trust(() => follower.fresh)
  await follower.run(signal)
}
