import type { FeedSource, Frame } from '@powernode/feed'
import type { Tx } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import type { WatchPeersResponse } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import type { Us } from '../platform.ts'
import * as fedPeers from '../store/fed-peers.ts'
import type { FedPeer, Page } from '../store/fed-peers.ts'
import type { Tables } from '../store/tables.ts'
import { weSignFor } from '../trust.ts'
import { isRouted, localToWire, readLocal, routeOf, type Local } from './routes.ts'

/** Its name in the triggers of migrations/0003_feed.sql. */
export const PEERS = 'peers'

export type PeerUpdate = Exclude<WatchPeersResponse['update'], Frame>

type Deps = { readonly us: Us; readonly logger: Logger }

const PAGE = 500

/**
 * What WatchPeers tells: our own side, and every peer that can be called or can call.
 *
 * Our own side is half configuration, so it is told first on every stream. When our trust changes, the peers we sign for
 * are told anew, because their roots are ours; nobody else's are.
 */
export function peerSource(deps: Deps): FeedSource<Tables, PeerUpdate> {
  return {
    async *readFirst(tx) {
      yield platformUpdate(deps, await readLocal(tx))
    },
    async *readAll(tx) {
      const readOnce = once(() => readLocal(tx))
      for await (const peer of inPages((page) => fedPeers.pageOfAll(tx, page))) {
        const update = await updateOf(deps, readOnce, peer)
        if (update.case === 'peer') yield update
      }
    },
    readSince: (tx, epoch) => readSince(deps, tx, epoch),
  }
}

type ReadLocal = () => Promise<Local>

async function* readSince(deps: Deps, tx: Tx<Tables>, epoch: bigint): AsyncGenerator<PeerUpdate> {
  const readOnce = once(() => readLocal(tx))
  const children = await fedPeers.isLocalNewer(tx, epoch)
  if (children) yield platformUpdate(deps, await readOnce())
  const changed = inPages((page) => fedPeers.pageSince(tx, { ...page, epoch, children }))
  for await (const peer of changed) yield await updateOf(deps, readOnce, peer)
}

/** A row that cannot be told of (its key does not open, say) refuses that one peer, not all of them. */
async function updateOf({ us, logger }: Deps, readOnce: ReadLocal, peer: FedPeer): Promise<PeerUpdate> {
  const vouching = isRouted(peer) && weSignFor(peer) ? await readOnce() : undefined
  try {
    if (isRouted(peer)) return { case: 'peer', value: routeOf(us, vouching, peer) }
  } catch (error) {
    logger.error({ task: 'feed', peer_id: peer.id, error }, 'a peer cannot be routed and is refused')
  }
  return { case: 'removedPeerId', value: peer.id }
}

function once(read: ReadLocal): ReadLocal {
  let reading: Promise<Local> | undefined
  return () => (reading ??= read())
}

const platformUpdate = ({ us }: Deps, local: Local): PeerUpdate => ({ case: 'platform', value: localToWire(us, local) })

async function* inPages(read: (page: Page) => Promise<FedPeer[]>): AsyncGenerator<FedPeer> {
  for (let afterId: string | undefined; ;) {
    const page = await read({ afterId, limit: PAGE })
    yield* page
    if (page.length < PAGE) return
    afterId = page.at(-1)?.id
  }
}
