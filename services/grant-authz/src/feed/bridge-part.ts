import { create } from '@bufbuild/protobuf'
import { PolicyPageSchema, type PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import * as rows from '../store/policy-rows.ts'
import type { PolicyPart } from './policy-part.ts'

const AT_ONCE = 1_000
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'
const AFTER_ALL = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** The bridges that are not revoked. */
export const bridgePart: PolicyPart = {
  readAll: (tx) => inPages((last) => rows.bridgesAfter(tx, { last: last?.id ?? BEFORE_ALL }, AT_ONCE)),
  readSince: (tx, epoch) =>
    inPages((last) =>
      rows.bridgesSince(tx, last ? { epoch: last.epoch, last: last.id } : { epoch, last: AFTER_ALL }, AT_ONCE),
    ),
  readOf: (tx, peerId) => inPages((last) => rows.bridgesAfter(tx, { last: last?.id ?? BEFORE_ALL, peerId }, AT_ONCE)),
}

async function* inPages(
  read: (last: rows.BridgeToTell | undefined) => Promise<rows.BridgeToTell[]>,
): AsyncGenerator<PolicyPage> {
  for (let last: rows.BridgeToTell | undefined; ;) {
    const found = await read(last)
    if (found.length > 0) yield pageOf(found)
    if (found.length < AT_ONCE) return
    last = found.at(-1)
  }
}

function pageOf(found: readonly rows.BridgeToTell[]): PolicyPage {
  return create(PolicyPageSchema, {
    bridges: found
      .filter(({ state }) => state !== 'revoked')
      .map(({ id, peer_id, sdwan_network_id, state }) => ({
        id,
        peerId: peer_id,
        sdwanNetworkId: sdwan_network_id,
        state,
      })),
    removedBridgeIds: found.filter(({ state }) => state === 'revoked').map(({ id }) => id),
  })
}
