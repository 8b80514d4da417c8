import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import type { Logger, Metrics } from '@powernode/process'
import { backoffMs } from '@powernode/rpc'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { PeerTable } from './peer-table.ts'

export type FollowParts = {
  readonly registry: Client<typeof PeerRegistryService>
  readonly table: PeerTable
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Without a tick for so many leases the stream is dead, whatever TCP thinks of it. */
const SILENT_LEASES = 5
const FIRST_WORD_MS = 10_000

/**
 * Keeps the table of peers as the registry has it: a snapshot, then every change, with ticks in between.
 *
 * A stream that breaks is opened anew, and the new snapshot replaces everything. Meanwhile the table stands only as long
 * as its lease: nobody has to notice the break for peers to be refused.
 */
export async function followPeers(
  { registry, table, clock, logger, metrics }: FollowParts,
  signal: AbortSignal,
): Promise<void> {
  const fresh = metrics.gauge('fed_gateway_policy_fresh', 'Whether the lease on the table of peers is running: 1 or 0')
  const known = metrics.gauge('fed_gateway_peers', 'Peers in the table')
  let failures = 0
  while (!signal.aborted) {
    const silence = new AbortController()
    const watch = watchdog(clock, silence, signal)
    try {
      table.begin()
      const updates = registry.watchPeers({}, { signal: AbortSignal.any([signal, silence.signal]), timeoutMs: 0 })
      for await (const { update } of updates) {
        table.apply(update)
        watch.heard(update.case === 'tick' ? update.value.leaseMs * SILENT_LEASES : FIRST_WORD_MS)
        if (update.case !== 'tick') known.set(table.size)
        if (update.case === 'snapshotComplete')
          logger.info({ task: 'follow-peers', count: table.size }, 'all peers known')
        failures = 0
        fresh.set(Number(table.fresh))
      }
    } catch (error) {
      if (!signal.aborted) logger.warn({ task: 'follow-peers', error }, 'the feed of peers broke')
    } finally {
      watch.stop()
    }
    fresh.set(Number(table.fresh))
    await clock.sleep(backoffMs(failures++, { firstMs: 20, maxMs: 1_000 }), signal)
  }
}

type Watchdog = { readonly heard: (patienceMs: number) => void; readonly stop: () => void }

/** Ends a stream on which nothing has been heard for as long as it should have been. */
function watchdog(clock: Clock, silence: AbortController, signal: AbortSignal): Watchdog {
  let patience = new AbortController()
  const wait = (ms: number) => {
    const { signal: heard } = patience
    void clock
      .sleep(ms, AbortSignal.any([heard, signal]))
      .then(() => heard.aborted || signal.aborted || silence.abort())
  }
  wait(FIRST_WORD_MS)
  return {
    heard(patienceMs) {
      patience.abort()
      patience = new AbortController()
      wait(Math.max(patienceMs, 1_000))
    },
    stop: () => patience.abort(),
  }
}
