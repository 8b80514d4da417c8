import { timestampDate } from '@bufbuild/protobuf/wkt'
import { inTransaction } from '@powernode/postgres'
import { PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { noteOrphans } from '../operations/note-orphans.ts'
import type { SagaDeps } from '../saga/performer.ts'
import * as children from '../store/children.ts'

const PAGE = 1_000

/**
 * Peers that were prepared for a child which is not there any more: they wait for a machine that nobody makes, and their
 * invitation may still let somebody in. Known by the run that they were prepared for, which peer-registry notes on each.
 */
export async function lookAtPeers(deps: SagaDeps, signal: AbortSignal): Promise<void> {
  const { db, clock } = deps
  const living = async () => (await inTransaction(db, (tx) => children.living(tx))).map(({ id }) => id)
  // Who lives is read before and after the list: one that is begun, or ended, in between is no orphan.
  const before = await living()
  const prepared = await preparedPeers(deps, signal)
  const needed = new Set([...before, ...(await living())])
  const found = prepared
    .filter((peer) => !needed.has(spawnOf(peer) ?? ''))
    .map(({ id, createdAt }) => ({ kind: 'peer' as const, name: id, beganAt: createdAt ? timestampDate(createdAt) : clock.now() })) // prettier-ignore
  const said = { owner: undefined, kinds: ['peer'], found, about: 'peers' } as const
  await inTransaction(db, (tx) => noteOrphans(tx, clock.now(), said))
}

async function preparedPeers({ registry }: SagaDeps, signal: AbortSignal): Promise<Peer[]> {
  const all: Peer[] = []
  for (let pageToken = ''; ;) {
    const asked = { states: [PeerState.PROPOSED], pageSize: PAGE, pageToken }
    const { peers, nextPageToken } = await registry.listPeers(asked, { signal })
    all.push(...peers.filter((peer) => spawnOf(peer) !== undefined))
    if (nextPageToken === '') return all
    pageToken = nextPageToken
  }
}

/** The run that a peer was prepared for; undefined of one that somebody proposed. */
function spawnOf({ metadata }: Peer): string | undefined {
  const said = metadata?.['spawn_id']
  return typeof said === 'string' && said !== '' ? said : undefined
}
