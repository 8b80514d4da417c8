import { Refusal } from '@powernode/rpc'
import * as crossings from '../store/crossings.ts'
import type { RoadEnd } from '../store/crossings.ts'
import type { SdwanTx } from '../store/tables.ts'
import * as roads from '../store/wanted-roads.ts'
import type { WantedRoad } from '../store/wanted-roads.ts'

/** The first port of tunnels to peers: apart from those of members, which begin at 51820. */
const FIRST_PORT = 52_820
const LAST_PORT = 65_535

/**
 * Gives each gateway of each road a port of its own on its node, and takes back those of gateways that are none any more.
 * One that has its port keeps it, with the key that its agent made, unless a member of the node has come to listen there.
 */
export async function settleEnds(tx: SdwanTx, open: readonly WantedRoad[]): Promise<boolean> {
  const wanted = open.flatMap(({ peerId, gateways }) => gateways.map((end, place) => ({ ...end, peerId, place })))
  const before = await crossings.ends(tx)
  if (wanted.length + before.length === 0) return false
  const members = await roads.takenPorts(tx, [...new Set(wanted.map(({ nodeId }) => nodeId))])
  const busy = new Set(members.map(({ nodeId, port }) => `${nodeId}/${port}`))
  const isSame = (one: { peerId: string; memberId: string }, other: { peerId: string; memberId: string }) =>
    one.peerId === other.peerId && one.memberId === other.memberId

  const gone = before.filter((end) => !wanted.some((one) => isSame(one, end)))
  for (const end of gone) await crossings.removeEnd(tx, end)
  let changed = gone.length > 0
  const kept: RoadEnd[] = []
  for (const end of before.filter((one) => !gone.includes(one)))
    if (!busy.has(`${end.nodeId}/${end.listenPort}`)) kept.push(end)
  for (const { nodeId, listenPort } of kept) busy.add(`${nodeId}/${listenPort}`)

  for (const { peerId, memberId, nodeId, place } of wanted) {
    const has = kept.find((one) => isSame(one, { peerId, memberId }))
    if (has?.place === place) continue
    const listenPort = has?.listenPort ?? freePort(busy, nodeId)
    const publicKey = before.find((one) => isSame(one, { peerId, memberId }))?.publicKey ?? null
    await crossings.saveEnd(tx, { peerId, memberId, nodeId, place, listenPort, publicKey })
    busy.add(`${nodeId}/${listenPort}`)
    changed = true
  }
  return changed
}

function freePort(busy: ReadonlySet<string>, nodeId: string): number {
  for (let port = FIRST_PORT; port <= LAST_PORT; port++) if (!busy.has(`${nodeId}/${port}`)) return port
  throw new Refusal('ADDRESS_SPACE_EXHAUSTED', `node ${nodeId} has no free port for another tunnel`, {
    metadata: { node_instance_id: nodeId },
  })
}
