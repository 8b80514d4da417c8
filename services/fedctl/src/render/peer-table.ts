import { PeerState, WaitingOn } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Canvas } from '../output.ts'
import type { PeerView } from '../peer-view.ts'
import { stateColour } from './paint.ts'
import { table } from './table.ts'
import { age, left, rtt } from './time.ts'
import { plural, word } from './words.ts'

const SOON_MS = 86_400_000

/** All peers at a glance: state, how old the data is on which it rests, and what is open. */
export function peerTable(views: readonly PeerView[], { now, to, width, paste }: Canvas): string {
  if (views.length === 0) return `no peers yet; begin with: ${to.bold(paste('fedctl peer propose <url>'))}`
  const rows = table(
    views,
    [
      { title: 'PEER', text: nameIn(views) },
      {
        title: 'STATE',
        text: ({ peer }) => word(PeerState, peer.state),
        colour: ({ peer }) => stateColour(to, word(PeerState, peer.state)),
      },
      { title: 'HEARD in/out', text: (view) => heard(view, now), colour: (view) => heardColour(view, to) },
      { title: 'CERT', text: (view) => cert(view, now), colour: (view) => certColour(view, now, to) },
      { title: 'CONTRACT', text: ({ peer }) => (peer.contractVersion > 0 ? String(peer.contractVersion) : '-') },
      { title: 'GRANTS', text: ({ grants }) => (grants.length > 0 ? String(grants.length) : '-') },
      { title: 'RTT', text: ({ freshness }) => rtt(freshness?.roundTrip) },
      { title: 'OPEN ITEMS', text: openItems, colour: ({ peer }) => (peer.openItems.length > 0 ? to.warn : to.dim) },
    ],
    to,
    width,
  )
  return [rows, ...missing(views[0]?.unavailable ?? [], to)].join('\n')
}

/** Its name; where several have one name, as after a peering that ended and another with the same platform, the id too. */
function nameIn(views: readonly PeerView[]): (view: PeerView) => string {
  const count = new Map<string, number>()
  for (const { peer } of views) count.set(peer.name, (count.get(peer.name) ?? 0) + 1)
  return ({ peer: { id, name } }) => (name === '' ? id : (count.get(name) ?? 0) > 1 ? `${name} (${id})` : name)
}

/** How long what we show to the peer is still good for; to one that is revoked nothing is shown. */
const cert = ({ peer, shownUntil }: PeerView, now: Date): string =>
  peer.state === PeerState.REVOKED ? '-' : left(shownUntil, now)

/** Age of the last beat we heard, and of the last of ours that we know they heard. */
export function heard({ peer, freshness }: PeerView, now: Date): string {
  if (!freshness || !SPEAKING.includes(peer.state)) return '-'
  return `${age(freshness.lastHeardAt, now)}/${age(freshness.lastHeardByThemAt, now)}`
}

const SPEAKING: readonly PeerState[] = [PeerState.ENROLLED, PeerState.ACTIVE, PeerState.DEGRADED]

function heardColour({ freshness }: PeerView, to: Canvas['to']): (text: string) => string {
  if (!freshness || freshness.hearing === 'never') return to.dim
  return freshness.hearing === 'both' ? (text) => text : to.bad
}

function certColour({ peer, shownUntil }: PeerView, now: Date, to: Canvas['to']): (text: string) => string {
  if (peer.state === PeerState.REVOKED) return to.dim
  const ms = shownUntil ? Number(shownUntil.seconds) * 1_000 - now.getTime() : Infinity
  return ms <= 0 ? to.bad : ms < SOON_MS / 24 ? to.warn : (text) => text
}

function openItems({ peer }: PeerView): string {
  const waits = { [WaitingOn.US]: 'waits for us', [WaitingOn.THEM]: 'waits for them' }[peer.waitingOn as number]
  const [first] = peer.openItems
  const said = first ?? (waits ? peer.reason : '')
  if (!said) return '-'
  const count = peer.openItems.length > 1 ? `${peer.openItems.length}: ` : ''
  return `${count}${said}${waits ? `; ${waits}` : ''}`
}

/** Columns that stand empty because a service did not answer. */
export function missing(unavailable: readonly string[], to: Canvas['to']): string[] {
  if (unavailable.length === 0) return []
  return [to.warn(`${plural(unavailable.length, 'service')} did not answer; what they know is missing here:`)].concat(
    unavailable.map((line) => `  ${line}`),
  )
}
