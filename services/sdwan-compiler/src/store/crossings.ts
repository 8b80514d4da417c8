import { sql } from 'kysely'
import type { Crossing, RemoteGateway } from '../world.ts'
import type { SdwanTx } from './tables.ts'

/** A road as it is compiled, but for our own ends. */
export type Road = {
  readonly peerId: string
  readonly networkId: string
  readonly gateways: readonly RemoteGateway[]
  readonly accepted: readonly string[]
  readonly advertised: readonly string[]
  readonly refused: readonly string[]
  readonly maxPrefixes: number
  readonly pair: string
}

/** Our end of a road on one node. */
export type RoadEnd = {
  readonly peerId: string
  readonly memberId: string
  readonly nodeId: string
  readonly place: number
  readonly listenPort: number
  readonly publicKey: string | null
}

export async function list(tx: SdwanTx): Promise<readonly Road[]> {
  return tx
    .selectFrom('crossing')
    .select([
      'peer_id as peerId',
      'network_id as networkId',
      'gateways',
      'accepted',
      'advertised',
      'refused',
      'max_prefixes as maxPrefixes',
      'pair',
    ]) // prettier-ignore
    .orderBy('peer_id')
    .execute()
}

export async function save(tx: SdwanTx, road: Road): Promise<void> {
  const row = {
    peer_id: road.peerId,
    network_id: road.networkId,
    gateways: json(road.gateways),
    accepted: json(road.accepted),
    advertised: json(road.advertised),
    refused: json(road.refused),
    max_prefixes: road.maxPrefixes,
    pair: road.pair,
  }
  await tx
    .insertInto('crossing')
    .values(row)
    .onConflict((on) => on.column('peer_id').doUpdateSet(row))
    .execute()
}

/** The road is gone, with our ends of it: their ports are free, and their keys nobody's. */
export async function remove(tx: SdwanTx, peerId: string): Promise<void> {
  await tx.deleteFrom('crossing').where('peer_id', '=', peerId).execute()
}

export async function ends(tx: SdwanTx): Promise<readonly RoadEnd[]> {
  return tx
    .selectFrom('crossing_gateway')
    .select([
      'peer_id as peerId',
      'member_id as memberId',
      'node_instance_id as nodeId',
      'place',
      'listen_port as listenPort',
      'public_key as publicKey',
    ]) // prettier-ignore
    .orderBy('peer_id')
    .orderBy('place')
    .execute()
}

export async function saveEnd(tx: SdwanTx, end: RoadEnd): Promise<void> {
  const row = {
    peer_id: end.peerId,
    member_id: end.memberId,
    node_instance_id: end.nodeId,
    place: end.place,
    listen_port: end.listenPort,
    public_key: end.publicKey,
  }
  await tx.insertInto('crossing_gateway').values(row).onConflict((on) => on.columns(['peer_id', 'member_id']).doUpdateSet(row)).execute() // prettier-ignore
}

export async function removeEnd(tx: SdwanTx, { peerId, memberId }: RoadEnd): Promise<void> {
  await tx.deleteFrom('crossing_gateway').where('peer_id', '=', peerId).where('member_id', '=', memberId).execute()
}

/** The agent of a node has made the key of its end. Returns whether that is news. */
export async function setEndKey(
  tx: SdwanTx,
  { nodeId, peerId, publicKey }: { readonly nodeId: string; readonly peerId: string; readonly publicKey: string },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('crossing_gateway')
    .set({ public_key: publicKey })
    .where('node_instance_id', '=', nodeId)
    .where('peer_id', '=', peerId)
    .where('public_key', 'is distinct from', publicKey)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Every road as the compiler reads it. */
export async function forWorld(tx: SdwanTx): Promise<readonly Crossing[]> {
  const ours = Map.groupBy(await ends(tx), ({ peerId }) => peerId)
  return (await list(tx)).map(({ peerId, networkId, gateways, accepted, advertised, maxPrefixes, pair }) => ({
    peerId,
    networkId,
    gateways: (ours.get(peerId) ?? []).map(({ memberId, listenPort, publicKey }) => ({
      memberId,
      listenPort,
      publicKey: publicKey ?? undefined,
    })),
    remote: gateways.map(({ endpoint, ...rest }) => ({ ...rest, endpoint })),
    pair,
    accepted,
    advertised,
    maxPrefixes,
  }))
}

const json = (value: unknown) => sql<never>`${JSON.stringify(value)}::jsonb`
