import { timestampFromDate, type Duration } from '@bufbuild/protobuf/wkt'
import { refusalOf } from '@powernode/rpc'
import { SpawnRole, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { FederatedNetwork, PeerEvidence, Road, Theirs } from '../evidence.ts'
import { HOUR_MS } from '../moments.ts'
import { asking, sentenceOf, type Asking } from './asking.ts'
import type { Witnesses } from './witnesses.ts'

const MANY = 1_000
const RECENT = 200
const NETWORKS_AT_MOST = 20
/** The gateway takes its time for each piece of the road, and the other side for its own half. */
const LONG_MS = 25_000

type About = { readonly peerId: string; readonly now: Date }

/** What is read of one peering, all at once, and nothing of it changed. Throws the refusal when there is no such peer. */
export async function gatherPeer(
  witnesses: Witnesses,
  { peerId, now }: About,
  signal: AbortSignal,
): Promise<PeerEvidence> {
  const all = asking(signal)
  const peer = await peerOf(witnesses, peerId, all)
  const id = peer?.id ?? peerId
  const [between, others, house, network] = await Promise.all([
    betweenUs(witnesses, id, all),
    othersThan(witnesses, id, all),
    ownHouse(witnesses, { id, peer, now }, all),
    networkOf(witnesses, peer, all),
  ])
  return { now, unread: all.unread, ...between, ...others, ...house, ...given({ peer, network }) }
}

/** Only what concerns the two of us: what the other side may be told of, and no question more, since it is they who ask. */
export async function gatherForPeer(
  witnesses: Witnesses,
  { peerId, now }: About,
  signal: AbortSignal,
): Promise<PeerEvidence> {
  const all = asking(signal)
  const peer = await peerOf(witnesses, peerId, all)
  return { now, unread: all.unread, ...(await betweenUs(witnesses, peerId, all)), ...given({ peer }) }
}

async function betweenUs(witnesses: Witnesses, id: string, { ask }: Asking): Promise<Parts> {
  const [platform, compatibility, freshness, listening, logs] = await Promise.all([
    ask('peer-registry', (o) => witnesses.peers().getPlatform({}, o)),
    ask('peer-registry', (o) => witnesses.versions().listCompatibility({ peerIds: [id] }, o)),
    ask('liveness', (o) => witnesses.liveness().listFreshness({ peerIds: [id] }, o)),
    ask('liveness', (o) => witnesses.remediation().getRemediationStatus({}, o)),
    ask('audit-ledger', (o) => witnesses.ledger().listLogs({ log: id }, o)),
  ])
  return given({
    platform,
    compatibility: compatibility && (compatibility.compatibilities[0] ?? null),
    freshness: freshness && (freshness.freshness[0] ?? null),
    listening: listening?.status,
    log: logs && (logs.logs[0] ?? null),
  })
}

/** Whose clocks say which of two is wrong. */
async function othersThan(witnesses: Witnesses, id: string, { ask }: Asking): Promise<Parts> {
  const recent = await ask('liveness', (o) => witnesses.liveness().listFreshness({ pageSize: RECENT }, o))
  return given({ others: recent?.freshness.filter((one) => one.peerId !== id) })
}

type Named = { readonly id: string; readonly peer: Peer | undefined; readonly now: Date }

async function ownHouse(witnesses: Witnesses, { id, peer, now }: Named, { ask }: Asking): Promise<Parts> {
  const since = timestampFromDate(new Date(now.getTime() - HOUR_MS))
  const isChild = peer?.spawnRole === SpawnRole.PARENT
  const [
    invitations,
    acceptances,
    remediations,
    findings,
    received,
    granted,
    approvals,
    autonomy,
    decisions,
    alarms,
    children,
  ] = await Promise.all([
    ask('peer-registry', (o) => witnesses.peers().listInvitations({ peerId: id, pageSize: RECENT }, o)),
    ask('peer-registry', (o) => witnesses.acceptances().listAcceptances({ pageSize: RECENT }, o)),
    ask('liveness', (o) => witnesses.remediation().listRemediations({ peerId: id, pageSize: 10 }, o)),
    ask('liveness', (o) => witnesses.governance().listFindings({ peerId: id, unacknowledgedOnly: true }, o)),
    ask('grant-authz', (o) => witnesses.grants().listReceivedGrants({ peerId: id, pageSize: MANY }, o)),
    ask('grant-authz', (o) => witnesses.grants().listGrants({ peerId: id, pageSize: MANY }, o)),
    ask('grant-authz', (o) => witnesses.approvals().listApprovals({ peerId: id, pageSize: RECENT }, o)),
    ask('grant-authz', (o) => witnesses.approvals().getAutonomy({}, o)),
    ask('audit-ledger', (o) => witnesses.ledger().listDecisions({ peerId: id, since, pageSize: MANY }, o)),
    ask('audit-ledger', (o) => witnesses.ledger().listAlarms({ peerId: id, openOnly: true }, o)),
    isChild ? ask('spawn-provisioner', (o) => witnesses.spawning().listChildren({ pageSize: MANY }, o)) : undefined,
  ])
  return given({
    invitations: invitations?.invitations,
    acceptance: acceptances && (acceptances.runs.find((run) => run.peerId === id) ?? null),
    remediations: remediations?.remediations,
    findings: findings?.findings,
    received: received?.grants,
    given: granted?.grants,
    approvals: approvals?.approvals,
    autonomy: autonomy?.autonomy,
    decisions: decisions?.decisions,
    alarms: alarms?.alarms,
    child: children && (children.children.find((child) => child.peerId === id) ?? null),
  })
}

type Parts = Omit<PeerEvidence, 'now' | 'unread'>

/** Without the registry everything else is still asked, by the id that was given. */
async function peerOf(witnesses: Witnesses, peer: string, { ask }: Asking): Promise<Peer | undefined> {
  const read = await ask('peer-registry', async (options) => {
    try {
      return (await witnesses.peers().getPeer({ peer }, options)).peer
    } catch (error) {
      if (refusalOf(error)?.reason === 'PEER_NOT_FOUND') return error
      throw error
    }
  })
  if (read instanceof Error) throw read
  return read as Peer | undefined // the only other thing that is returned above
}

/** Which routes of the peer our networks have. Without a peer that offers some nobody is asked. */
async function networkOf(
  witnesses: Witnesses,
  peer: Peer | undefined,
  { ask }: Asking,
): Promise<FederatedNetwork | undefined> {
  if (!peer) return undefined
  if (peer.prefixAdvertisement === '') return { routes: [], nodes: [], problems: [] }
  const network = witnesses.network
  const items = await ask('sdwan-compiler', (o) => network().listIntent({ kind: 'network', pageSize: MANY }, o))
  const slugs = items?.items.flatMap(({ kind }) => (kind.case === 'network' ? [kind.value.slug] : [])) ?? []
  const [nodes, found, ...summaries] = await Promise.all([
    ask('sdwan-compiler', (o) => network().listNodes({ pageSize: MANY }, o)),
    ask('sdwan-compiler', (o) => network().listProblems({}, o)),
    ...slugs
      .slice(0, NETWORKS_AT_MOST)
      .map((slug) => ask('sdwan-compiler', (o) => network().getRoutingSummary({ network: slug }, o))),
  ])
  if (!items || !nodes || !found) return undefined
  const routes = summaries.flatMap((summary) => summary?.bgpRoutes ?? [])
  return {
    routes: routes.filter(({ source }) => source === `federation:${peer.id}`),
    nodes: nodes.nodes,
    problems: found.problems,
  }
}

/** The road, walked by our gateway; as far as it comes `within` that time. */
// oxlint-disable-next-line max-params -- by whom, to whom, until when it must, until when it may
export async function walkRoad(
  witnesses: Witnesses,
  peerId: string,
  signal: AbortSignal,
  within?: Duration,
): Promise<Road> {
  try {
    return {
      road: await witnesses.roads().examineRoad({ peerId, ...(within && { within }) }, { signal, timeoutMs: LONG_MS }),
    }
  } catch (error) {
    signal.throwIfAborted()
    return { silent: sentenceOf(error) }
  }
}

/** The other side's half, over whatever endpoint of theirs still works. */
export async function askThem(witnesses: Witnesses, peerId: string, signal: AbortSignal): Promise<Theirs> {
  try {
    const headers = { 'powernode-peer-id': peerId }
    return await witnesses.border().diagnose({}, { headers, signal, timeoutMs: LONG_MS })
  } catch (error) {
    signal.throwIfAborted()
    return { silent: sentenceOf(error) }
  }
}

/** Without the parts that nobody could tell: undefined and absent are the same here. */
function given<T extends object>(parts: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  const said = Object.entries(parts).filter(([, part]) => part !== undefined)
  return Object.fromEntries(said) as { [Key in keyof T]?: Exclude<T[Key], undefined> } // what is left of it
}
