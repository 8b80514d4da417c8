import type { Scope } from '@powernode/policy'
import { Refusal } from '@powernode/rpc'
import type { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'

type Method = keyof typeof FederationService.method

/**
 * What may pass between platforms whose versions do not work together, in either direction. A method without a row does not
 * compile.
 *
 * `always`: beats, what one platform states (its trust, its ledger's ends, what it ended or found out), and the certificate
 * without which neither would get through. `writes`: changes something here that is no resource, so it stops with the
 * writes. All else works on what the versions may understand differently.
 */
const PASSES: Readonly<Record<Method, 'always' | 'compatible' | 'writes'>> = {
  accept: 'always',
  heartbeat: 'always',
  getTrustBundle: 'always',
  publishTrustBundle: 'always',
  renewCertificate: 'always',
  notifyRevocation: 'always',
  notifyCompromise: 'always',
  notifyGrant: 'always',
  notifyRelationship: 'always',
  diagnose: 'always',
  addCheckpoint: 'always',
  addEntries: 'always',
  listResources: 'compatible',
  getResource: 'compatible',
  updateResource: 'compatible',
  watchResources: 'compatible',
  checkAccess: 'compatible',
  readMirror: 'compatible',
  listAuditExcerpts: 'compatible',
  getReceipt: 'compatible',
  enrollNode: 'writes',
  attendMember: 'compatible',
  exchangeOverlay: 'compatible',
}

type Versions = Pick<PeerRoute, 'versionStatus' | 'refusedKinds'>

/** Why a method is not called between us and this peer, by our version and its; undefined: it is. */
export function versionObjection({ versionStatus, refusedKinds }: Versions, method: Method): Refusal | undefined {
  const passes = PASSES[method]
  if (passes === 'always') return undefined
  if (versionStatus === 'incompatible') return divergence({ versionStatus })
  if (versionStatus !== 'degraded' || passes !== 'writes' || refusedKinds.length > 0) return undefined
  return new Refusal('VERSION_KIND_REFUSED', 'by their versions the two platforms only read of each other', {
    metadata: { method },
    next: NEXT,
  })
}

/** Why nothing but statements passes between us and this peer; undefined: more does. */
export function divergence({ versionStatus }: Pick<PeerRoute, 'versionStatus'>): Refusal | undefined {
  if (versionStatus !== 'incompatible') return undefined
  return new Refusal(
    'VERSION_INCOMPATIBLE',
    'by their versions the two platforms do not work together: only heartbeats and statements pass',
    { next: NEXT },
  )
}

/** What is wanted of a resource, of whichever side. */
export type OfKind = { readonly kind: string; readonly scope: Scope }

/** Why a resource of this kind is not touched so between us and this peer; undefined: it is. */
export function kindObjection({ versionStatus, refusedKinds }: Versions, { kind, scope }: OfKind): Refusal | undefined {
  if (versionStatus !== 'degraded') return undefined
  const isRefused = refusedKinds.length > 0 ? refusedKinds.includes(kind) : scope !== 'read'
  if (!isRefused) return undefined
  const what = refusedKinds.length > 0 ? `${kind} is not in what passes` : 'they only read of each other'
  return new Refusal('VERSION_KIND_REFUSED', `by their versions the two platforms work together in part: ${what}`, {
    metadata: { kind, scope },
    next: NEXT,
  })
}

const NEXT = 'see by which rule: fedctl version list; upgrade one side, or set a rule'
