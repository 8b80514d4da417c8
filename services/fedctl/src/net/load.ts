import { allPages } from '../pages.ts'
import type { Session } from '../session.ts'
import { Intent, type PeerNames } from './intent.ts'

/** All that is wanted of the network, with the names of the peers that it speaks of. */
export async function loadIntent(session: Session): Promise<Intent> {
  const { network } = session.clients
  const [items, peers] = await Promise.all([
    allPages(
      (pageToken) => network.listIntent({ pageSize: 1000, pageToken }),
      (page) => page.items,
    ),
    peerNames(session),
  ])
  return Intent.of(items, peers)
}

/** Names are a kindness: without a registry to ask, peers are called by their ids. */
async function peerNames({ clients }: Session): Promise<PeerNames> {
  try {
    const peers = await allPages(
      (pageToken) => clients.peers.listPeers({ pageSize: 1000, pageToken }),
      (page) => page.peers,
    )
    return new Map(peers.map(({ id, name }) => [id, name || id]))
  } catch {
    return new Map()
  }
}
