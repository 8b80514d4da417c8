import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import { subscription, type Subscription } from '@powernode/events'
import { ForkDetectedSchema } from '@powernode/proto/powernode/audit/v1/events_pb.ts'
import {
  PeerBundleOutdatedSchema,
  PeerDescribedSchema,
  PeerHeardSchema,
  PeerUnreachableSchema,
} from '@powernode/proto/powernode/liveness/v1/events_pb.ts'
import { Refusal } from '@powernode/rpc'
import { applyDescription } from './operations/apply-description.ts'
import { oweErrand } from './operations/owe-errands.ts'
import { recordHeard, recordSilent } from './operations/record-liveness.ts'
import * as heededAlarms from './store/heeded-alarms.ts'
import type { Tables } from './store/tables.ts'

/** What we hear of liveness and audit-ledger. Consumer names are for ever: receipts are kept under them. */
export const heard = subscription<Tables, typeof PeerHeardSchema>({
  consumer: 'peer-registry--heard',
  stream: 'LIVENESS',
  subject: 'fed.liveness.heard.*',
  event: PeerHeardSchema,
  handle: (tx, now, _, { peerId, at }) => recordHeard(tx, now, { peerId, toldAt: toldAt(at) }),
})

/** A silent peer is degraded when liveness has probed it and decided so; that it is silent is only said. */
export const unreachable = subscription<Tables, typeof PeerUnreachableSchema>({
  consumer: 'peer-registry--unreachable',
  stream: 'LIVENESS',
  subject: 'fed.liveness.unreachable.*',
  event: PeerUnreachableSchema,
  handle: (tx, now, { freshness }, { peerId, at }) => {
    const why = WHY[freshness?.hearing ?? ''] ?? 'nothing was heard for too long'
    return recordSilent(tx, now, { peerId, toldAt: toldAt(at), why })
  },
})

function toldAt(at: Timestamp | undefined): Date {
  if (!at) throw new Refusal('REQUEST_INVALID', 'news that does not say when it was told')
  return timestampDate(at)
}

const WHY: Readonly<Record<string, string>> = {
  they_hear_us: 'they hear us, we do not hear them: no heartbeat of theirs arrives',
  we_hear_them: 'we hear them, they do not hear us: our heartbeats are not answered',
  neither: 'no heartbeat passes in either direction',
}

export const described = subscription<Tables, typeof PeerDescribedSchema>({
  consumer: 'peer-registry--described',
  stream: 'LIVENESS',
  subject: 'fed.liveness.described.*',
  event: PeerDescribedSchema,
  async handle(tx, now, { platform }, { peerId }) {
    if (!platform) throw new Refusal('REQUEST_INVALID', 'a description without a platform')
    await applyDescription(tx, now, { peerId, said: platform })
  },
})

export const bundleOutdated = subscription<Tables, typeof PeerBundleOutdatedSchema>({
  consumer: 'peer-registry--bundle-outdated',
  stream: 'LIVENESS',
  subject: 'fed.liveness.bundle_outdated.*',
  event: PeerBundleOutdatedSchema,
  handle: (tx, now, _, { peerId }) => oweErrand(tx, now, peerId, 'fetch_bundle'),
})

/** A ledger contradicts itself: of whose, and how, audit-ledger is asked (alarms/heed-alarms.ts). */
export const forkDetected = subscription<Tables, typeof ForkDetectedSchema>({
  consumer: 'peer-registry--fork-detected',
  stream: 'AUDIT_LEDGER',
  subject: 'fed.audit.fork_detected.*',
  event: ForkDetectedSchema,
  handle: (tx) => heededAlarms.ring(tx),
})

export const SUBSCRIPTIONS = [
  heard,
  unreachable,
  described,
  bundleOutdated,
  forkDetected,
] as readonly Subscription<Tables>[]
