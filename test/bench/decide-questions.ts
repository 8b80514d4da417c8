import { createHash } from 'node:crypto'
import { create, toBinary } from '@bufbuild/protobuf'
import type { AccessRequest, PolicyGrant } from '@powernode/policy'
import { PolicyPageSchema, type PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'

export const PEERS = 10_000
export const AT_MS = Date.UTC(2026, 0, 1)
const DAY_MS = 86_400_000
const PAGE = 1_000
const KINDS = ['NodeModule', 'service_offering', 'platform_deployment', 'network']

const uuid = (kind: number, index: number): string =>
  `019b76da-a8${kind.toString(16).padStart(2, '0')}-7000-8000-${index.toString(16).padStart(12, '0')}`
const peerOf = (index: number): string => uuid(0, index % PEERS)
const identityOf = (peerId: string): string => `spiffe://${peerId.slice(-12)}.example/service/federation-gateway`
const secretOf = (index: number): string => index.toString(36).padStart(43, 'x')
const networkOf = (index: number): string => `net-${index % 50}`

/** The grants of a platform that is busy: half say nothing on the axes, the others say one of them. */
export function grantOf(index: number): PolicyGrant {
  const about = index % 8
  return {
    id: uuid(1, index),
    peerId: peerOf(index),
    secretSha256: createHash('sha256').update(secretOf(index)).digest(),
    resourceKind: KINDS[index % KINDS.length] ?? '',
    resourceId: about === 4 ? `resource-${index}` : '',
    scopes: index % 3 === 0 ? 3 : 1,
    nodeInstanceIds: about === 5 ? [uuid(2, index), uuid(2, index + 1)] : [],
    sdwanNetworkIds: about === 6 ? [networkOf(index)] : [],
    sourceCidrs: about === 7 ? [`10.${index % 250}.0.0/16`, '2001:db8::/32'] : [],
    boundIdentities: [],
    notBeforeMs: AT_MS - DAY_MS,
    expiresAtMs: index % 50 === 1 ? AT_MS : AT_MS + 30 * DAY_MS,
    revokedAtMs: index % 50 === 2 ? AT_MS - 1 : 0,
  }
}

/** The policy as the feed sends it, page by page, as bytes. */
export function* pagesOf(grants: number): Generator<Uint8Array> {
  for (let from = 0; from < grants; from += PAGE) {
    const length = Math.min(PAGE, grants - from)
    const page = { grants: Array.from({ length }, (_, index) => grantOf(from + index)) }
    yield toBinary(PolicyPageSchema, create(PolicyPageSchema, page as unknown as PolicyPage))
  }
  const kinds = KINDS.map((kind) => ({ kind, service: 'service/grant-authz', address: 'localhost:1', dataClass: kind }))
  const regions = [
    { name: 'eu', parent: '' },
    { name: 'eu-west-1', parent: 'eu' },
    { name: 'us', parent: '' },
  ]
  const residencies = Array.from({ length: PEERS / 10 }, (_, index) => ({
    peerId: peerOf(index * 10),
    tag: 'eu',
    located: 'eu-west-1',
  }))
  const bridges = Array.from({ length: PEERS }, (_, index) => ({
    id: uuid(3, index),
    peerId: peerOf(index),
    sdwanNetworkId: networkOf(index),
    state: 'active',
  }))
  const rules = [{ id: uuid(4, 1), dataClass: 'network', allowedRegions: ['eu'], mode: 'enforce' }]
  yield toBinary(
    PolicyPageSchema,
    create(PolicyPageSchema, {
      servedKinds: { kinds },
      residencyRules: { defaultMode: 'off', homeRegion: 'eu', regions, rules },
      residencies,
      bridges,
      settings: { strictAxes: false },
    }),
  )
}

/** A question about some grant: mostly one that is to be allowed, else wrong in one of seven ways. */
export function questionOf(index: number, grants: number): AccessRequest {
  const which = Math.imul(index + 1, 2_654_435_761) >>> 0
  const about = which % grants
  const grant = grantOf(about)
  const right: AccessRequest = {
    peerId: grant.peerId,
    enrolledIdentity: identityOf(grant.peerId),
    presentedIdentity: identityOf(grant.peerId),
    certificateSha256: 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg',
    bearer: `fg-${grant.id}.${secretOf(about)}`,
    kind: grant.resourceKind,
    id: grant.resourceId || 'any',
    scope: 'read',
    nodeInstanceId: grant.nodeInstanceIds[1] ?? '',
    sdwanNetworkId: grant.sdwanNetworkIds[0] ?? '',
    sourceAddress: `10.${about % 250}.3.4`,
    declaredResidency: 'eu-west-1',
  }
  const wrong: readonly Partial<AccessRequest>[] = [
    { bearer: `fg-${uuid(9, about)}.${secretOf(about)}` },
    { bearer: `fg-${grant.id}.${secretOf(about + 1)}` },
    { peerId: peerOf(about + 1) },
    { kind: KINDS[(about + 1) % KINDS.length] ?? '' },
    { scope: 'admin' },
    { sourceAddress: '192.0.2.7' },
    { declaredResidency: 'us' },
  ]
  return index % 10 < 6 ? right : { ...right, ...wrong[index % wrong.length] }
}
