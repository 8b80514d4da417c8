import { canonicalCidr, cidrHolds, enclosingCidr } from '@powernode/policy'
import { Refusal } from '@powernode/rpc'
import { overlapsOf, type Overlap } from '../overlap.ts'
import * as crossings from '../store/crossings.ts'
import * as peers from '../store/federation-peers.ts'
import * as overlays from '../store/overlays.ts'
import type { SdwanTx } from '../store/tables.ts'
import * as roads from '../store/wanted-roads.ts'

type Said = { readonly peerId: string; readonly prefixes: readonly string[] }
export type Preview = { readonly overlaps: readonly Overlap[]; readonly usable: readonly string[] }

/** Whether prefixes of a peer could be routed, and if not, why: before anybody accepts them. Changes nothing. */
export async function previewAccess(tx: SdwanTx, { peerId, prefixes }: Said): Promise<Preview> {
  const description = (await peers.list(tx, [peerId])).get(peerId)?.prefixAdvertisement ?? ''
  const heard = (await overlays.heardOf(tx, [peerId])).get(peerId)
  const advertised = heard && heard.advertise.length > 0 ? heard.advertise : description === '' ? [] : [description]
  const asked = prefixes.length > 0 ? prefixes.map(checkPrefix) : advertised
  if (asked.length === 0)
    throw new Refusal('OVERLAY_NOT_OFFERED', 'the peer has told of no prefix of its own yet', {
      metadata: { peer_id: peerId },
      next: 'ask its operators to accept prefixes of ours, or name the prefixes',
    })
  const others = (await crossings.list(tx)).filter((road) => road.peerId !== peerId)
  const theirs = others.flatMap((road) => road.accepted.map((prefix) => ({ prefix, by: `peer:${road.peerId}` })))
  const foreign = asked.filter((prefix) => description === '' || !cidrHolds(description, prefix))
  const overlaps = [
    ...overlapsOf(asked, [...(await roads.taken(tx)), ...theirs]),
    ...foreign.map((prefix) => ({ prefix, withPrefix: description, with: 'description' })),
  ]
  return { overlaps, usable: asked.filter((prefix) => !overlaps.some((overlap) => overlap.prefix === prefix)) }
}

function checkPrefix(prefix: string): string {
  const canonical = canonicalCidr(prefix)
  if (canonical === undefined || !canonical.includes(':')) {
    const meant = enclosingCidr(prefix)
    throw new Refusal(
      'REQUEST_INVALID',
      `${JSON.stringify(prefix)} is no IPv6 prefix, or has bits set behind its length`,
      {
        ...(meant !== undefined && { next: `did you mean ${meant}?` }),
      },
    )
  }
  return canonical
}
