import { RESIDENCY_SITUATIONS } from './residency-situations.ts'
import { allowed, given, invalid, mismatch, type Situation } from './situation.ts'
import {
  BEARER,
  CERTIFICATE_SHA256,
  GRANT_ID,
  IDENTITY,
  NETWORK,
  NOW_MS,
  OTHER_GRANT_ID,
  OTHER_PEER,
  PEER,
  SECRET,
  sha256Of,
  type Page,
} from './world.ts'

const MONTHS_AGO = NOW_MS - 90 * 86_400_000
const NEARLY_SECRET = `l${SECRET.slice(1)}` // one bit of its first letter, k, is another
/** Decoded, the same 32 bytes: base64url ignores the last two bits of 43 letters. */
const SAME_BYTES = `${SECRET.slice(0, -1)}B`

const bridge = (state: string): Page => ({
  bridges: [{ id: 'bridge-1', peerId: PEER, sdwanNetworkId: NETWORK, state }],
})

/** Every way in which a call can pass or fail, one row each: what tests of the gateway and of `fedctl why` go through. */
export const SITUATIONS: readonly Situation[] = [
  allowed('a good grant, used as meant', {}),
  allowed('a list, with a grant for one resource, shows that one', { request: { id: '' } }, { onlyId: 'module-1' }),
  allowed('any resource of the kind, with a kind-wide grant', { grant: { resourceId: '' }, request: { id: 'other' } }),

  {
    name: 'no bearer',
    world: given({ request: { bearer: undefined } }),
    reason: 'GRANT_MISSING',
    axis: 'bearer',
    wire: 'GRANT_REQUIRED',
  },
  {
    name: 'an empty bearer',
    world: given({ request: { bearer: '' } }),
    reason: 'GRANT_MISSING',
    axis: 'bearer',
    wire: 'GRANT_REQUIRED',
  },
  invalid('a bearer of no form of ours', 'bearer', 'GRANT_UNKNOWN', {
    request: { bearer: `fgs.${GRANT_ID}.${SECRET}` },
  }),
  invalid('a bearer without its secret', 'bearer', 'GRANT_UNKNOWN', { request: { bearer: `fg-${GRANT_ID}` } }),
  invalid('a bearer with a space behind it', 'bearer', 'GRANT_UNKNOWN', { request: { bearer: `${BEARER} ` } }),
  invalid('a grant that never was', 'bearer', 'GRANT_UNKNOWN', {
    request: { bearer: `fg-${OTHER_GRANT_ID}.${SECRET}` },
  }),
  invalid('a grant id in capitals', 'bearer', 'GRANT_UNKNOWN', {
    request: { bearer: `fg-${GRANT_ID.toUpperCase()}.${SECRET}` },
  }),
  invalid('a secret with one bit altered', 'bearer', 'GRANT_UNKNOWN', {
    request: { bearer: `fg-${GRANT_ID}.${NEARLY_SECRET}` },
  }),
  invalid('another spelling of the same secret', 'bearer', 'GRANT_UNKNOWN', {
    request: { bearer: `fg-${GRANT_ID}.${SAME_BYTES}` },
  }),
  invalid('the secret of another grant', 'bearer', 'GRANT_UNKNOWN', { grant: { secretSha256: sha256Of('another') } }),
  invalid('a grant without a digest', 'bearer', 'GRANT_UNKNOWN', { grant: { secretSha256: new Uint8Array() } }),

  invalid('the bearer of another peer', 'peer', 'GRANT_FOREIGN', { request: { peerId: OTHER_PEER } }),
  invalid('a peer whose id differs only in case', 'peer', 'GRANT_FOREIGN', { request: { peerId: PEER.toUpperCase() } }),

  invalid('a call of nobody, and a grant of nobody', 'peer', 'GRANT_FOREIGN', {
    grant: { peerId: '' },
    request: { peerId: '' },
  }),
  invalid('no certificate, and a grant bound to no certificate', 'identity', 'GRANT_NOT_BOUND', {
    grant: { boundIdentities: ['x5t#S256:', ''] },
    request: { presentedIdentity: '', certificateSha256: '' },
  }),
  invalid('no identity, and a peer enrolled with none', 'identity', 'GRANT_NOT_BOUND', {
    request: { presentedIdentity: '', enrolledIdentity: '' },
  }),
  invalid('without a certificate', 'identity', 'GRANT_NOT_BOUND', {
    request: { presentedIdentity: '', certificateSha256: '' },
  }),
  invalid('a second certificate of the same peer that was not enrolled', 'identity', 'GRANT_NOT_BOUND', {
    request: { presentedIdentity: 'spiffe://b.example/service/liveness' },
  }),
  invalid('the enrolled identity, with a grant bound to another', 'identity', 'GRANT_NOT_BOUND', {
    grant: { boundIdentities: ['spiffe://b.example/service/liveness'] },
  }),
  allowed('another identity of the peer, with the grant bound to it', {
    grant: { boundIdentities: ['spiffe://b.example/service/liveness'] },
    request: { presentedIdentity: 'spiffe://b.example/service/liveness' },
  }),
  allowed('the very certificate the grant is bound to', {
    grant: { boundIdentities: [`x5t#S256:${CERTIFICATE_SHA256}`] },
  }),
  invalid(
    'another certificate of the same identity, with the grant bound to one certificate',
    'identity',
    'GRANT_NOT_BOUND',
    {
      grant: { boundIdentities: [`x5t#S256:${CERTIFICATE_SHA256}`] },
      request: { certificateSha256: `m${CERTIFICATE_SHA256.slice(1)}` },
    },
  ),
  invalid('an identity that differs only in case', 'identity', 'GRANT_NOT_BOUND', {
    request: { presentedIdentity: IDENTITY.toUpperCase() },
  }),

  allowed('the last millisecond of a grant', { grant: { expiresAtMs: NOW_MS + 1 } }),
  invalid('a grant that expires this very millisecond', 'lifetime', 'GRANT_EXPIRED', {
    grant: { expiresAtMs: NOW_MS },
  }),
  invalid('an expired grant', 'lifetime', 'GRANT_EXPIRED', { grant: { expiresAtMs: MONTHS_AGO } }),
  allowed('the first millisecond of a grant', { grant: { notBeforeMs: NOW_MS } }),
  invalid('a grant that is not good yet', 'lifetime', 'GRANT_EXPIRED', { grant: { notBeforeMs: NOW_MS + 1 } }),
  invalid('a revoked grant', 'lifetime', 'GRANT_REVOKED', { grant: { revokedAtMs: NOW_MS - 1 } }),
  invalid('a grant revoked by a clock that is ahead of ours', 'lifetime', 'GRANT_REVOKED', {
    grant: { revokedAtMs: NOW_MS + 5000 },
  }),
  invalid('a grant both expired and revoked', 'lifetime', 'GRANT_REVOKED', {
    grant: { revokedAtMs: MONTHS_AGO, expiresAtMs: MONTHS_AGO },
  }),

  mismatch('another kind', 'kind', { request: { kind: 'network' } }),
  mismatch('no kind, and a grant for none', 'kind', { grant: { resourceKind: '' }, request: { kind: '' } }),
  mismatch('a kind that differs only in case', 'kind', { request: { kind: 'nodemodule' } }),
  {
    name: 'a kind that nobody serves any more',
    world: given({ page: { servedKinds: { kinds: [] } } }),
    reason: 'KIND_UNKNOWN',
    axis: 'kind',
    wire: 'RESOURCE_KIND_UNKNOWN',
  },

  mismatch('another resource', 'id', { request: { id: 'module-2' } }),
  mismatch('a resource whose id differs only in case', 'id', { request: { id: 'Module-1' } }),
  mismatch('a write to all of the kind, with a grant for one', 'id', {
    grant: { scopes: 2 },
    request: { id: '', scope: 'write' },
  }),

  mismatch('read used to write', 'scope', { request: { scope: 'write' } }),
  mismatch('admin used to read', 'scope', { grant: { scopes: 4 } }),
  mismatch('write used to read', 'scope', { grant: { scopes: 2 } }),
  mismatch('everything but migrate used to migrate', 'scope', { grant: { scopes: 7 }, request: { scope: 'migrate' } }),
  mismatch('a scope that is none', 'scope', { grant: { scopes: 15 }, request: { scope: 'Read' } }),
  mismatch('a grant without any scope', 'scope', { grant: { scopes: 0 } }),

  allowed('an instance that is on the list', {
    grant: { nodeInstanceIds: ['i-1', 'i-2'] },
    request: { nodeInstanceId: 'i-2' },
  }),
  allowed('no instance said, and any is good', { grant: { nodeInstanceIds: ['*'] } }),
  mismatch('an instance that is not on the list', 'instance', {
    grant: { nodeInstanceIds: ['i-1'] },
    request: { nodeInstanceId: 'i-3' },
  }),
  mismatch('no instance said, and the grant names some', 'instance', { grant: { nodeInstanceIds: ['i-1'] } }),
  mismatch('an instance that differs only in case', 'instance', {
    grant: { nodeInstanceIds: ['i-1'] },
    request: { nodeInstanceId: 'I-1' },
  }),
  mismatch('a star beside other instances is no star', 'instance', {
    grant: { nodeInstanceIds: ['*', 'i-1'] },
    request: { nodeInstanceId: 'i-3' },
  }),
  mismatch('a call that says a star', 'instance', {
    grant: { nodeInstanceIds: ['*', 'i-1'] },
    request: { nodeInstanceId: '*' },
  }),

  allowed('a network on the list, over an active bridge', {
    grant: { sdwanNetworkIds: [NETWORK] },
    request: { sdwanNetworkId: NETWORK },
    page: bridge('active'),
  }),
  mismatch('a network that is not on the list', 'network', {
    grant: { sdwanNetworkIds: ['net-2'] },
    request: { sdwanNetworkId: NETWORK },
    page: bridge('active'),
  }),
  mismatch('no network said, and the grant names some', 'network', { grant: { sdwanNetworkIds: [NETWORK] } }),
  mismatch('a network without a bridge', 'bridge', { request: { sdwanNetworkId: NETWORK } }),
  mismatch('a network whose bridge is only proposed', 'bridge', {
    request: { sdwanNetworkId: NETWORK },
    page: bridge('proposed'),
  }),
  mismatch('a network whose bridge is suspended', 'bridge', {
    request: { sdwanNetworkId: NETWORK },
    page: bridge('suspended'),
  }),
  mismatch('a network whose bridge is revoked', 'bridge', {
    request: { sdwanNetworkId: NETWORK },
    page: bridge('revoked'),
  }),
  mismatch('a network with a bridge of another peer', 'bridge', {
    request: { sdwanNetworkId: NETWORK },
    page: { bridges: [{ id: 'bridge-1', peerId: OTHER_PEER, sdwanNetworkId: NETWORK, state: 'active' }] },
  }),

  allowed('a source inside a block', { grant: { sourceCidrs: ['198.51.100.0/24', '192.0.2.0/29'] } }),
  allowed('an IPv4-mapped IPv6 source inside an IPv4 block', {
    grant: { sourceCidrs: ['192.0.2.0/29'] },
    request: { sourceAddress: '::ffff:192.0.2.7' },
  }),
  mismatch('a source outside the blocks', 'source', { grant: { sourceCidrs: ['192.0.2.0/30'] } }),
  mismatch('an IPv4-mapped IPv6 source, with IPv6 allowed only', 'source', {
    grant: { sourceCidrs: ['::/0'] },
    request: { sourceAddress: '::ffff:192.0.2.7' },
  }),
  mismatch('a block with host bits holds nothing', 'source', { grant: { sourceCidrs: ['192.0.2.7/24'] } }),
  mismatch('a source that is no address', 'source', {
    grant: { sourceCidrs: ['0.0.0.0/0'] },
    request: { sourceAddress: '192.0.2.007' },
  }),
  mismatch('no source known, and the grant names some', 'source', {
    grant: { sourceCidrs: ['0.0.0.0/0', '::/0'] },
    request: { sourceAddress: '' },
  }),

  allowed('every axis said, where that is demanded', {
    grant: { nodeInstanceIds: ['*'], sdwanNetworkIds: ['*'], sourceCidrs: ['*'] },
    page: { settings: { strictAxes: true } },
  }),
  mismatch('an empty instance axis, where every axis has to be said', 'instance', {
    grant: { sdwanNetworkIds: ['*'], sourceCidrs: ['*'] },
    page: { settings: { strictAxes: true } },
  }),
  mismatch('an empty network axis, where every axis has to be said', 'network', {
    grant: { nodeInstanceIds: ['*'], sourceCidrs: ['*'] },
    page: { settings: { strictAxes: true } },
  }),
  mismatch('an empty source axis, where every axis has to be said', 'source', {
    grant: { nodeInstanceIds: ['*'], sdwanNetworkIds: ['*'] },
    page: { settings: { strictAxes: true } },
  }),
  ...RESIDENCY_SITUATIONS,
]
