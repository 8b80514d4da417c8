import type { Crossing } from '../../world.ts'
import { crossingList, type Desk, type RouterLines } from './inside.ts'
import { short } from './marks.ts'
import { remotesOf, type Speaker } from './place.ts'
import { policiesFor, policyMaps } from './policies.ts'
import { narrowed, permit, prefixList, routeMap } from './script.ts'

/** Minutes after which a session that had too many prefixes is tried again. */
const RESTART_AFTER = 5

/**
 * eBGP with the ends of a federation peer's road. In comes what is inside what it advertises and we accepted, without a word of
 * theirs that we could take for ours; out goes what we advertise, as it stands. Their ends are preferred in their order, as the
 * tunnels prefer them, and our gateways in ours; to them our order is said by the MED.
 */
export function borderLines(desk: Desk, speaker: Speaker): RouterLines {
  const ends = speaker.crossings.flatMap((crossing) =>
    remotesOf(crossing, desk.asNumber).map((remote, at) => ({ crossing, remote, at })),
  )
  return {
    session: ends.flatMap(({ crossing, remote }) => [
      `neighbor ${remote.address} remote-as ${remote.asNumber}`,
      `neighbor ${remote.address} description peer/${crossing.peerId}`,
      `neighbor ${remote.address} update-source ${speaker.member.address}`,
      `neighbor ${remote.address} ebgp-multihop 2`,
      `neighbor ${remote.address} enforce-first-as`,
      `neighbor ${remote.address} timers 3 9`,
      `neighbor ${remote.address} timers connect 5`,
    ]),
    families: {
      ipv4: [],
      ipv6: ends.flatMap(({ crossing, remote, at }) => [
        `neighbor ${remote.address} activate`,
        `no neighbor ${remote.address} send-community all`,
        `neighbor ${remote.address} maximum-prefix ${Math.max(crossing.maxPrefixes, 1)} restart ${RESTART_AFTER}`,
        `neighbor ${remote.address} route-map ${incoming(desk, speaker, { crossing, at })} in`,
        `neighbor ${remote.address} route-map ${outgoing(desk, speaker, crossing)} out`,
      ]),
    },
  }
}

/** Our place among the gateways of a crossing; the first is preferred. */
const rankOf = ({ gateways }: Crossing, { member }: Speaker): number =>
  gateways.findIndex(({ memberId }) => memberId === member.id)

const MOST_ENDS = 4

function incoming(
  desk: Desk,
  speaker: Speaker,
  { crossing, at }: { readonly crossing: Crossing; readonly at: number },
): string {
  const { index, script, marks } = desk
  const { peerId } = crossing
  const behind = rankOf(crossing, speaker) * MOST_ENDS + at
  const preference = Math.max(index.world.platform.bgp.defaultLocalPref - behind, 0)
  const place = { ...desk, family: 'ipv6' as const, neighbor: peerId, prepends: () => true }
  const maps = policyMaps(script, policiesFor(index, speaker.member, 'import'), place)
  const accepted = permit(
    crossingList(script, peerId, crossing.accepted),
    'set community none',
    'set extcommunity none',
    `set large-community ${marks.network(speaker.its.network.id)} ${marks.origin(peerId)}`,
    `set local-preference ${preference}`,
  )
  return routeMap(script, `in-${short(peerId)}-${at + 1}`, narrowed([accepted], maps))
}

function outgoing(desk: Desk, speaker: Speaker, crossing: Crossing): string {
  const { index, script } = desk
  const entries = crossing.advertised.map((prefix) => `permit ${prefix}`)
  const place = { ...desk, family: 'ipv6' as const, neighbor: undefined, prepends: () => true }
  const maps = policyMaps(script, policiesFor(index, speaker.member, 'export'), place)
  const ours = permit(
    prefixList(script, 'ipv6', `advertised-${short(crossing.peerId)}`, entries),
    `set metric ${rankOf(crossing, speaker) * 10}`,
  )
  return routeMap(script, `out-${short(crossing.peerId)}`, narrowed([ours], maps))
}
