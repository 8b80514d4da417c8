import { createHash } from 'node:crypto'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { PolicyPageSchema, type PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { AccessRequest, PeerResidency, PolicyGrant, ServedKind } from '../policy.ts'
import { policyOf, type PolicyTable } from '../policy-table.ts'
import type { ResidencyRulesSaid } from '../residency.ts'

/** What a page of the policy may say, in the words of this library. */
export type Page = {
  readonly grants?: readonly PolicyGrant[]
  readonly bridges?: readonly Bridge[]
  readonly residencies?: readonly (PeerResidency & { readonly peerId: string })[]
  readonly residencyRules?: ResidencyRulesSaid
  readonly overrides?: readonly Override[]
  readonly servedKinds?: { readonly kinds: readonly Partial<ServedKind>[] }
  readonly settings?: { readonly strictAxes: boolean }
}
type Bridge = { readonly id: string; readonly peerId: string; readonly sdwanNetworkId: string; readonly state: string }
type Override = {
  readonly id: string
  readonly peerId: string
  readonly resourceKind: string
  readonly resourceId: string
  readonly expiresAtMs: number
}

/** The message of a page. Its type wants lists that could be written to; nobody writes to them. */
export const pageOf = (page: Page): PolicyPage =>
  create(PolicyPageSchema, page as MessageInitShape<typeof PolicyPageSchema>)

/** All that one decision depends on. */
export type World = { readonly page: Page; readonly request: AccessRequest; readonly atMs: number }

export const NOW_MS = Date.UTC(2026, 0, 1)
export const PEER = '019b76da-a800-7000-8000-00000000000a'
export const OTHER_PEER = '019b76da-a800-7000-8000-00000000000b'
export const GRANT_ID = '019b76da-a800-7000-8000-000000000001'
export const OTHER_GRANT_ID = '019b76da-a800-7000-8000-000000000002'
export const IDENTITY = `spiffe://b.example/service/federation-gateway`
export const CERTIFICATE_SHA256 = 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg'
export const NETWORK = '019b76da-a800-7000-8000-0000000000c1'
export const SECRET = 'kP3x5m0ZrC1vT8yq2sWb7dNf4hJ6uLaE9gIoRtXzQwA'
export const BEARER = `fg-${GRANT_ID}.${SECRET}`

export const sha256Of = (text: string): Uint8Array => createHash('sha256').update(text).digest()

/** Read of one module, for a month, with nothing said on any axis. */
export const GRANT: PolicyGrant = {
  id: GRANT_ID,
  peerId: PEER,
  secretSha256: sha256Of(SECRET),
  resourceKind: 'NodeModule',
  resourceId: 'module-1',
  scopes: 1,
  nodeInstanceIds: [],
  sdwanNetworkIds: [],
  sourceCidrs: [],
  boundIdentities: [],
  notBeforeMs: NOW_MS - 60_000,
  expiresAtMs: NOW_MS + 30 * 86_400_000,
  revokedAtMs: 0,
}

/** The peer reads the module that it may read. */
export const REQUEST: AccessRequest = {
  peerId: PEER,
  enrolledIdentity: IDENTITY,
  presentedIdentity: IDENTITY,
  certificateSha256: CERTIFICATE_SHA256,
  bearer: BEARER,
  kind: 'NodeModule',
  id: 'module-1',
  scope: 'read',
  nodeInstanceId: '',
  sdwanNetworkId: '',
  sourceAddress: '192.0.2.7',
  declaredResidency: 'eu-west-1',
}

export const KINDS: NonNullable<Page['servedKinds']> = {
  kinds: [
    { kind: 'NodeModule', service: 'service/grant-authz', address: 'localhost:1', dataClass: 'catalogue' },
    { kind: 'network', service: 'service/sdwan-compiler', address: 'localhost:2', dataClass: 'topology' },
  ],
}

export const REGIONS = [
  { name: 'eu', parent: '' },
  { name: 'eu-west-1', parent: 'eu' },
  { name: 'eu-central-1', parent: 'eu' },
  { name: 'us', parent: '' },
  { name: 'us-east-1', parent: 'us' },
]

export const RULES: ResidencyRulesSaid = {
  defaultMode: 'advise',
  homeRegion: 'eu-central-1',
  regions: REGIONS,
  rules: [],
}

/** A world in which the call passes; every situation takes away what it is about. */
export const WORLD: World = {
  page: { grants: [GRANT], servedKinds: KINDS, residencyRules: RULES, settings: { strictAxes: false } },
  request: REQUEST,
  atMs: NOW_MS,
}

export const aPolicy = (page: Page = WORLD.page): PolicyTable => policyOf([pageOf(page)], 1n)

export const aRequest = (said: Partial<AccessRequest> = {}): AccessRequest => ({ ...REQUEST, ...said })
