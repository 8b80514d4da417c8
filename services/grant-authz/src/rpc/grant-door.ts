import { durationMs, timestampDate, type Duration, type Timestamp } from '@bufbuild/protobuf/wkt'
import type { HandlerContext } from '@connectrpc/connect'
import { epochOf, type Feed } from '@powernode/feed'
import type { Enforcement } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import type { Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { Refusal, requestOf } from '@powernode/rpc'
import type { Sealing } from '../bearer-seal.ts'
import type { Cause } from '../events.ts'
import { POLICY_FEED } from '../feed/policy-part.ts'
import type { PolicyUpdate } from '../feed/policy.ts'
import { askRegistry, type Registry } from '../reviews/ask-registry.ts'
import * as policyRows from '../store/policy-rows.ts'
import type { GrantTx, Tables } from '../store/tables.ts'
import { isUuid } from '../uuid.ts'
import { actOrRehearse, type DoorDeps } from './door.ts'

/** What the doors of this area stand on. */
export type GrantDeps = DoorDeps & {
  readonly registry: Registry
  readonly sealing: Sealing
  readonly policyFeed: Pick<Feed<Tables, PolicyUpdate>, 'follow' | 'enforced'>
}

export function causeOf(context: HandlerContext): Cause {
  const { actor, requestId, traceparent } = requestOf(context)
  return { actor, correlationId: requestId, traceparent }
}

type Verb<Result> = (tx: GrantTx, now: Date) => Promise<Result>
type Enforced<Result> = { readonly result: Result; readonly enforcement?: Enforcement }

/**
 * Acts, and returns when every live gateway knows: nobody can then do any more what was taken away, and what was given
 * can be used at once. With `dryRun` nothing is kept, and there is nothing to know.
 *
 * When nothing was changed, because it was done before, that is what is waited for: whoever asks again after an answer
 * that was lost is promised no less.
 */
export async function enforce<Result>(
  deps: Pick<GrantDeps, 'db' | 'clock' | 'policyFeed'>,
  { dryRun, signal }: { dryRun: boolean; signal: AbortSignal },
  verb: Verb<Result>,
): Promise<Enforced<Result>> {
  const { result, epoch } = await actOrRehearse(deps, dryRun, async (tx, now) => {
    const done = await verb(tx, now)
    return { result: done, epoch: (await epochOf(tx, POLICY_FEED)) ?? (await policyRows.head(tx, POLICY_FEED)) }
  })
  return dryRun ? { result } : { result, enforcement: await deps.policyFeed.enforced(epoch, signal) }
}

/** The peer as peer-registry has it. What is not there is refused. */
export async function peerOf(
  { registry }: Pick<GrantDeps, 'registry'>,
  peerId: string,
  signal: AbortSignal,
): Promise<Peer> {
  const peer = await askRegistry(registry, peerId, signal)
  if (peer) return peer
  throw new Refusal('PEER_NOT_FOUND', `there is no peer ${peerId}`, {
    metadata: { peer_id: peerId },
    next: 'fedctl peer list',
  })
}

/** A peer that may be given something: neither over nor suspended. */
export async function livePeerOf(deps: GrantDeps, peerId: string, signal: AbortSignal): Promise<Peer> {
  const peer = await peerOf(deps, peerId, signal)
  const said = { metadata: { peer_id: peerId }, next: `fedctl peer show ${peerId}` }
  if (peer.state === PeerState.REVOKED) throw new Refusal('PEER_REVOKED', 'the peering is revoked for good', said)
  if (peer.state === PeerState.SUSPENDED) throw new Refusal('PEER_SUSPENDED', 'the peering is suspended', said)
  return peer
}

/** An id of a list's filter; empty: all. What is none is refused, not met with a fault of the database. */
export function filterId(said: string): string {
  if (said === '' || isUuid(said)) return said
  throw new Refusal('PEER_NOT_FOUND', `${said} is no id of a peer`, { next: 'fedctl peer list' })
}

export const msOf = (duration: Duration | undefined): number | undefined => duration && Math.round(durationMs(duration))

/** A moment that was said, as far as our calendar goes. */
export function dateOf(moment: Timestamp, name: string): Date {
  const date = timestampDate(moment)
  const year = date.getUTCFullYear() // NaN for what no Date can hold
  if (year >= 1 && year <= 9999) return date
  throw new Refusal('REQUEST_INVALID', `${name} is no moment that can be kept`, { metadata: { field: name } })
}
