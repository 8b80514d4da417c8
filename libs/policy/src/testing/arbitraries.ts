import fc from 'fast-check'
import type { AccessRequest, PolicyGrant } from '../policy.ts'
import { pageOf, type Page } from './world.ts'
import { sha256Of } from './world.ts'

/** Few values of everything, so that what is random meets. */
export const PEERS = ['peer-a', 'peer-b']
export const GRANT_IDS = ['1', '2', '3', '4', '5', '6'].map((last) => `019b76da-a800-7000-8000-00000000000${last}`)
export const NETWORKS = ['net-1', 'net-2']
export const KIND_NAMES = ['NodeModule', 'network']
export const CLASSES = ['catalogue', 'topology']
export const REGION_NAMES = ['eu', 'eu-west-1', 'us', 'nowhere']
const SECRETS = ['s', 't'].map((letter) => letter.repeat(43))
const IDENTITIES = ['spiffe://b.example/service/federation-gateway', 'spiffe://b.example/service/liveness']
const CERTIFICATES = ['c', 'd'].map((letter) => letter.repeat(43))
const ADDRESSES = ['192.0.2.7', '::ffff:192.0.2.7', '198.51.100.1', '2001:db8::1', '::1', '', 'no address']
const CIDRS = [
  '192.0.2.0/24',
  '0.0.0.0/0',
  '::/0',
  '2001:db8::/32',
  '192.0.2.7/24',
  '198.51.100.0/30',
  'no block',
  '::ffff:192.0.2.0/120',
]
const MODES = ['', 'off', 'advise', 'enforce', 'enfroce']
const moment = fc.oneof(fc.integer({ min: 0, max: 10 }), fc.constantFrom(Number.NaN, Infinity, -Infinity))

const one = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const oneOrNone = (values: readonly string[]): fc.Arbitrary<string> => fc.constantFrom('', ...values)
/** Mostly empty, or the star, as grants are. */
const axis = (values: readonly string[]): fc.Arbitrary<string[]> =>
  fc.oneof(
    fc.constant<string[]>([]),
    fc.constant<string[]>(['*']),
    fc.uniqueArray(one([...values, '*']), { maxLength: 3 }),
  )
/** Mostly the first: else nothing is ever allowed. */
const mostly = <T>(value: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: other })

export const grant = (id: fc.Arbitrary<string> = one(GRANT_IDS)): fc.Arbitrary<PolicyGrant> =>
  fc.record({
    id,
    peerId: one(PEERS),
    secretSha256: fc.oneof(
      { weight: 9, arbitrary: one(SECRETS.map(sha256Of)) },
      { weight: 1, arbitrary: fc.constant(new Uint8Array(32)) },
    ),
    resourceKind: mostly('NodeModule', one(KIND_NAMES)),
    resourceId: oneOrNone(['r-1', 'r-2']),
    scopes: fc.nat(15),
    nodeInstanceIds: axis(['i-1', 'i-2']),
    sdwanNetworkIds: axis(NETWORKS),
    sourceCidrs: axis(CIDRS),
    boundIdentities: mostly([], fc.uniqueArray(one([...IDENTITIES, ...CERTIFICATES.map((sha256) => `x5t#S256:${sha256}`)]), { maxLength: 2 })), // prettier-ignore
    notBeforeMs: mostly(0, moment),
    expiresAtMs: mostly(9, moment),
    revokedAtMs: mostly(0, moment),
  })

const bridge = fc.record({
  id: one(['b-1', 'b-2', 'b-3']),
  peerId: one(PEERS),
  sdwanNetworkId: one(NETWORKS),
  state: mostly('active', one(['proposed', 'suspended', 'revoked'])),
})

const override = fc.record({
  id: one(['o-1', 'o-2', 'o-3']),
  peerId: one(PEERS),
  resourceKind: one(KIND_NAMES),
  resourceId: oneOrNone(['r-1', 'r-2']),
  expiresAtMs: fc.integer({ min: 0, max: 10 }),
})

const residency = fc.record({
  peerId: one(PEERS),
  tag: oneOrNone(REGION_NAMES),
  mode: one(MODES),
  located: mostly('eu-west-1', oneOrNone(REGION_NAMES)),
})

const residencyRules = fc.record({
  defaultMode: mostly('', one(MODES)),
  homeRegion: oneOrNone(REGION_NAMES),
  regions: mostly(true, fc.boolean()).chain((all) =>
    fc.subarray(
      [
        { name: 'eu', parent: '' },
        { name: 'eu-west-1', parent: 'eu' },
        { name: 'us', parent: 'ring' },
        { name: 'ring', parent: 'us' }, // a circle must not go round for ever
      ],
      all ? { minLength: 4 } : {},
    ),
  ),
  rules: fc.uniqueArray(
    fc.record({
      id: one(['1', '2', '3', '4']),
      peerId: oneOrNone(PEERS),
      dataClass: one([...CLASSES, '*']),
      allowedRegions: fc.uniqueArray(one(REGION_NAMES), { maxLength: 3 }),
      mode: one(MODES),
    }),
    { selector: ({ id }) => id, maxLength: 3 },
  ),
})

const servedKinds = mostly(KIND_NAMES, fc.subarray(KIND_NAMES)).map((kinds) => ({
  kinds: kinds.map((kind) => ({ kind, dataClass: kind === 'network' ? 'topology' : 'catalogue', region: '' })),
}))

const settings = fc.record({ strictAxes: mostly(false, fc.boolean()) })

/** A page in which every row is there once. */
export const page: fc.Arbitrary<Page> = fc.record({
  grants: fc.uniqueArray(grant(), { selector: ({ id }) => id, maxLength: 6 }),
  bridges: fc.uniqueArray(bridge, { selector: ({ id }) => id, maxLength: 3 }),
  residencies: fc.uniqueArray(residency, { selector: ({ peerId }) => peerId, maxLength: 2 }),
  overrides: fc.uniqueArray(override, { selector: ({ id }) => id, maxLength: 3 }),
  residencyRules,
  servedKinds,
  settings,
})

/** A page of a change: of some tables only, with removals, and with rows that are there twice. */
export const change = fc
  .record(
    {
      grants: fc.array(grant(), { maxLength: 5 }),
      removedGrantIds: fc.array(one(GRANT_IDS), { maxLength: 3 }),
      bridges: fc.array(bridge, { maxLength: 3 }),
      removedBridgeIds: fc.array(one(['b-1', 'b-2', 'b-3']), { maxLength: 2 }),
      residencies: fc.array(residency, { maxLength: 2 }),
      removedResidencyPeerIds: fc.array(one(PEERS), { maxLength: 1 }),
      overrides: fc.array(override, { maxLength: 3 }),
      removedOverrideIds: fc.array(one(['o-1', 'o-2', 'o-3']), { maxLength: 2 }),
      residencyRules,
      servedKinds,
      settings,
    },
    { requiredKeys: [] },
  )
  .map(pageOf)

export const request: fc.Arbitrary<AccessRequest> = fc.record({
  peerId: oneOrNone(PEERS),
  enrolledIdentity: mostly(IDENTITIES[0] ?? '', oneOrNone(IDENTITIES)),
  presentedIdentity: mostly(IDENTITIES[0] ?? '', oneOrNone(IDENTITIES)),
  certificateSha256: oneOrNone(CERTIFICATES),
  bearer: fc.oneof(
    { weight: 8, arbitrary: fc.tuple(one(GRANT_IDS), one(SECRETS)).map(([id, secret]) => `fg-${id}.${secret}`) },
    { weight: 1, arbitrary: fc.constantFrom(undefined, '', 'fg-') },
  ),
  kind: mostly('NodeModule', oneOrNone(KIND_NAMES)),
  id: oneOrNone(['r-1', 'r-2', 'R-1']),
  scope: one(['read', 'write', 'admin', 'migrate', 'Read', '']),
  nodeInstanceId: oneOrNone(['i-1', 'i-2', '*']),
  sdwanNetworkId: mostly('', oneOrNone([...NETWORKS, '*'])),
  sourceAddress: one(ADDRESSES),
  declaredResidency: mostly('eu-west-1', oneOrNone(REGION_NAMES)),
})

export const atMs = mostly(5, moment)

/** A request that mostly fits one of the page's grants, so that every axis is come to, and some calls are allowed. */
export const pageAndRequest: fc.Arbitrary<{ page: Page; request: AccessRequest }> = page.chain((page) => {
  const grants = page.grants ?? []
  const asIs = fc.record({ page: fc.constant(page), request })
  if (grants.length === 0) return asIs
  const fits = fc.array(mostly(true, fc.boolean()), { minLength: 8, maxLength: 8 })
  const fitted = fc.tuple(request, one(grants), fits).map(([request, grant, fits]) => fitting(request, grant, fits))
  return fc.oneof(
    { weight: 1, arbitrary: asIs },
    { weight: 5, arbitrary: fc.record({ page: fc.constant(page), request: fitted }) },
  )
})

function fitting(request: AccessRequest, grant: PolicyGrant, fits: readonly boolean[]): AccessRequest {
  const secret = SECRETS.find((some) => Buffer.from(sha256Of(some)).equals(grant.secretSha256)) ?? ''
  const on = (axis: readonly string[], said: string): string => axis.find((value) => value !== '*') ?? said
  const certificate = grant.boundIdentities.find((bound) => bound.startsWith('x5t'))?.slice('x5t#S256:'.length)
  const said: readonly Partial<AccessRequest>[] = [
    { peerId: grant.peerId, bearer: `fg-${grant.id}.${secret}` },
    { certificateSha256: certificate ?? '', presentedIdentity: on(grant.boundIdentities, request.enrolledIdentity) },
    { kind: grant.resourceKind },
    { id: grant.resourceId },
    { scope: ['read', 'write', 'admin', 'migrate'].find((_, index) => grant.scopes & (1 << index)) ?? '' },
    { nodeInstanceId: on(grant.nodeInstanceIds, '') },
    { sdwanNetworkId: on(grant.sdwanNetworkIds, '') },
    { sourceAddress: '192.0.2.7' },
  ]
  return Object.assign({ ...request }, ...said.filter((_, index) => fits[index])) as AccessRequest
}
