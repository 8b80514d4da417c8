import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { forgetToken, PayloadBroken, type Payload, type Places } from '@powernode/payload'
import type { Logger } from '@powernode/process'
import { PeerState, SpawnMode, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { Looks } from './looks.ts'
import { finalNo, Patience, reasonOf, whyNot } from './patience.ts'
import { stateOf } from './peer-state.ts'
import type { Progress } from './progress.ts'

export type JoinDeps = {
  readonly registry: Pick<Client<typeof PeerRegistryService>, 'joinParent'>
  readonly progress: Progress
  readonly places: Places
  readonly clock: Clock
  readonly logger: Logger
}

/** There will be no peering with this payload, whoever of the two platforms said so. */
export class JoinRefused extends Error {
  override readonly name = 'JoinRefused'
  readonly reason: string
  /** Who has to act, and how. */
  readonly next: string

  constructor(reason: string, message: string, next: string) {
    super(message)
    this.reason = reason
    this.next = next
  }
}

const MODES = {
  managed_child: SpawnMode.MANAGED_CHILD,
  autonomous_peer: SpawnMode.AUTONOMOUS_PEER,
  cluster_member: SpawnMode.CLUSTER_MEMBER,
} as const satisfies Record<Payload['spawn_mode'], SpawnMode>

/**
 * Takes the invitation of the payload up, and waits until the peering stands on both sides.
 *
 * The keys are made in our peer-registry and stay there; so does the token, sealed, and then it is taken out of the
 * payload. From then on the registry redeems it by itself, with growing pauses, and this only says how far that has come.
 */
export async function joinParent(deps: JoinDeps, payload: Payload, signal: AbortSignal): Promise<Peer> {
  const { progress, clock } = deps
  const patience = new Patience(clock)
  const looks = new Looks(clock)
  let token = payload.acceptance_token
  for (;;) {
    signal.throwIfAborted()
    const peer = await ask(deps, { ...payload, acceptance_token: token }, patience)
    if (!peer) {
      await patience.wait(signal)
      continue
    }
    if (token !== '') await forget(deps)
    token = ''
    if (isJoined(peer)) return peer
    progress.say(`waits for its parent at ${payload.parent_url}: ${waitingFor(peer)}`)
    await looks.wait(signal)
  }
}

/** How far it has come; undefined: our own platform cannot say for now. */
async function ask(deps: JoinDeps, payload: Payload, { attempts }: Patience): Promise<Peer | undefined> {
  try {
    const { peer } = await deps.registry.joinParent({
      parentUrl: payload.parent_url,
      acceptanceToken: payload.acceptance_token,
      caPin: payload.ca_pin,
      parentIdentityKey: Buffer.from(payload.parent_identity_key, 'base64url'),
      parentPeerId: payload.parent_peer_id,
      spawnMode: MODES[payload.spawn_mode],
    })
    if (!peer) throw new Error('our registry joined a parent without a peer')
    if (peer.state === PeerState.REVOKED)
      throw new JoinRefused('PEER_REVOKED', `the peering has ended: ${peer.reason}`, ASK_PARENT)
    return peer
  } catch (error) {
    if (error instanceof JoinRefused) throw error
    const no = finalNo(error)
    if (no?.metadata['missing'] === 'acceptance_token') throw new PayloadBroken(['acceptance_token is missing'])
    if (no) throw new JoinRefused(reasonOf(no), no.message, no.next ?? ASK_PARENT)
    deps.progress.say(`waits for its own platform (attempt ${attempts + 1}): ${whyNot(error)}`)
    return undefined
  }
}

const ASK_PARENT = "the parent's operators must act: fedctl child show, then rotate-token or terminate"

const isJoined = ({ state }: Peer): boolean =>
  state === PeerState.ENROLLED || state === PeerState.ACTIVE || state === PeerState.DEGRADED

const waitingFor = (peer: Peer): string => `${stateOf(peer)}, ${peer.reason}${peer.next === '' ? '' : `; ${peer.next}`}`

/** What the firmware shows stays there for whoever is root on this machine; it is spent as soon as the parent has heard. */
async function forget({ places, logger }: JoinDeps): Promise<void> {
  if (!(await forgetToken(places)))
    logger.info({ path: places.fwCfgRoot }, 'the token cannot be taken out of the payload')
}
