import type { Tx } from '@powernode/postgres'
import type { Rotation, TrustHolder } from '../rotation.ts'
import * as certificates from '../store/certificates.ts'
import * as peers from '../store/peers.ts'
import * as rotations from '../store/rotations.ts'
import type { Tables } from '../store/tables.ts'
import { weSignFor } from '../trust.ts'

const ALL = 100_000
/**
 * Runs only on machines that were made, and has a certificate everywhere: where it never said that it holds anything,
 * nobody uses that certificate, and a rotation that waited for it would wait for ever.
 */
const ONLY_ONCE_HEARD = 'node-agent'

/** Everybody who must hold a new root before anything is signed with it: live peers, and our own services. */
export async function listTrustHolders(
  tx: Tx<Tables>,
  now: Date,
  rotation: Pick<Rotation, 'toGeneration'>,
): Promise<readonly TrustHolder[]> {
  return [
    ...(await serviceHolders(tx, now, rotation.toGeneration)),
    ...(await peerHolders(tx, now, rotation.toGeneration)),
  ]
}

async function serviceHolders(tx: Tx<Tables>, now: Date, generation: number): Promise<TrustHolder[]> {
  const reported = await rotations.holders(tx)
  const living = await certificates.livingServices(tx, now)
  const services = living.filter((name) => name !== ONLY_ONCE_HEARD || reported.has(`service/${name}`))
  return services.map((name) => {
    const row = reported.get(`service/${name}`)
    return {
      holder: `service/${name}`,
      name: '',
      acknowledgedSequence: row?.acknowledged_sequence ?? 0,
      acknowledgedAt: row?.acknowledged_at ?? null,
      renewed: (row?.generation ?? 0) >= generation,
      detail: row ? '' : 'has not reported yet',
    }
  })
}

async function peerHolders(tx: Tx<Tables>, now: Date, generation: number): Promise<TrustHolder[]> {
  const live = await peers.list(tx, {
    states: ['enrolled', 'active', 'degraded', 'suspended'],
    kind: 'platform',
    spawnMode: undefined,
    afterId: undefined,
    limit: ALL,
  })
  const behind = await certificates.peersWithout(tx, generation, now)
  return live.map((peer) => ({
    holder: `peer/${peer.id}`,
    name: peer.name,
    acknowledgedSequence: peer.acknowledgedBundleSequence,
    acknowledgedAt: null,
    renewed: !weSignFor(peer) || !behind.has(peer.id),
    detail: peer.state === 'active' ? '' : `${peer.state} since ${peer.since.toISOString()}: ${peer.reason}`,
  }))
}
