import { allPages } from './pages.ts'
import type { Session } from './session.ts'

/** Replaces the ids of peers in a text by the names that people gave them. */
export type NamePeers = (text: string) => string

/** Names are a kindness: without a registry to ask, ids stay ids. */
export async function namePeers({ clients }: Session): Promise<NamePeers> {
  const names = new Map<string, string>()
  try {
    const peers = await allPages(
      (pageToken) => clients.peers.listPeers({ pageSize: 1000, pageToken }),
      (page) => page.peers,
    )
    for (const { id, name } of peers) if (name) names.set(id, name)
  } catch {
    return (text) => text
  }
  return (text) => text.replaceAll(UUID, (id) => names.get(id) ?? id)
}

const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g
