import { createHash } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import type { AccessRequest, DecisionReason, PeerResidency, PolicyGrant } from '../policy.ts'
import type { ResidencyRulesSaid } from '../residency.ts'
import type { Page } from './world.ts'

/** Reason and axis, as another hand writes them down: over plain lists, without a thought for speed. */
export function naiveDecision(page: Page, request: AccessRequest, atMs: number): [DecisionReason, string] {
  if (!request.bearer) return ['GRANT_MISSING', 'bearer']
  const [head = '', secret = '', ...more] = request.bearer.split('.')
  const digest = createHash('sha256').update(secret).digest('hex')
  const grant = page.grants?.find(({ id }) => `fg-${id}` === head)
  if (!grant || more.length > 0 || Buffer.from(grant.secretSha256).toString('hex') !== digest)
    return ['GRANT_UNKNOWN', 'bearer']
  return naiveDecisionWithGrant(page, request, grant, atMs)
}

function naiveDecisionWithGrant(
  page: Page,
  request: AccessRequest,
  grant: PolicyGrant,
  atMs: number,
): [DecisionReason, string] {
  const { strictAxes = false } = page.settings ?? {}
  const kind = page.servedKinds?.kinds.find(({ kind }) => kind === request.kind)
  const empty = { defaultMode: '', homeRegion: '', rules: [], regions: [] }
  const bound = grant.boundIdentities.length > 0 ? grant.boundIdentities : [request.enrolledIdentity]
  const shows = [request.presentedIdentity, request.certificateSha256 && `x5t#S256:${request.certificateSha256}`]
  const bits: Record<string, number> = { read: 1, write: 2, admin: 4, migrate: 8 }
  const listed = (list: readonly string[], isIn: () => boolean): boolean => {
    if (list.length === 0) return !strictAxes
    return String(list) === '*' || isIn()
  }
  const plain = (list: readonly string[], said: string) => listed(list, () => list.some((one) => one === said && one !== '*' && one !== '')) // prettier-ignore

  if (grant.peerId !== request.peerId || !request.peerId) return ['GRANT_FOREIGN', 'peer']
  if (!shows.some((one) => one && bound.includes(one))) return ['GRANT_NOT_BOUND', 'identity']
  if (grant.revokedAtMs !== 0) return ['GRANT_REVOKED', 'lifetime']
  if (!(grant.notBeforeMs <= atMs && atMs < grant.expiresAtMs)) return ['GRANT_EXPIRED', 'lifetime']
  if (!request.kind || grant.resourceKind !== request.kind) return ['SCOPE_MISMATCH', 'kind']
  if (!kind) return ['KIND_UNKNOWN', 'kind']
  if (grant.resourceId && grant.resourceId !== request.id && (request.id || request.scope !== 'read'))
    return ['SCOPE_MISMATCH', 'id']
  if (!(grant.scopes & (bits[request.scope] ?? 0))) return ['SCOPE_MISMATCH', 'scope']
  if (!plain(grant.nodeInstanceIds, request.nodeInstanceId)) return ['SCOPE_MISMATCH', 'instance']
  if (!plain(grant.sdwanNetworkIds, request.sdwanNetworkId)) return ['SCOPE_MISMATCH', 'network']
  const isBridge = (bridge: NonNullable<Page['bridges']>[number]): boolean =>
    bridge.peerId === request.peerId && bridge.sdwanNetworkId === request.sdwanNetworkId && bridge.state === 'active'
  if (request.sdwanNetworkId && !page.bridges?.some(isBridge)) return ['SCOPE_MISMATCH', 'bridge']
  if (!listed(grant.sourceCidrs, () => grant.sourceCidrs.some((cidr) => naiveHolds(cidr, request.sourceAddress))))
    return ['SCOPE_MISMATCH', 'source']
  const { tag = '', mode = '', located = '' } = page.residencies?.find(({ peerId }) => peerId === request.peerId) ?? {}
  const residency = naiveResidency(page.residencyRules ?? empty, { tag, mode, located }, request, kind.dataClass ?? '')
  return residency ? [residency, 'residency'] : ['ALLOWED', '']
}

/** The refusal of residency, if it refuses: each of its demands on its own, tag first. */
export function naiveResidency(
  { defaultMode, rules, regions }: ResidencyRulesSaid,
  { tag, mode, located }: PeerResidency,
  { peerId, declaredResidency }: Pick<AccessRequest, 'peerId' | 'declaredResidency'>,
  dataClass: string,
): 'RESIDENCY_UNKNOWN' | 'RESIDENCY_VIOLATION' | undefined {
  const isKnown = (name: string): boolean => regions.some((region) => region.name === name)
  const above = (name: string, seen: string[] = []): string[] => {
    if (!isKnown(name) || seen.includes(name)) return seen
    return above(regions.find((region) => region.name === name)?.parent ?? '', [...seen, name])
  }
  const ofPeer = mode || (tag ? 'enforce' : defaultMode || 'off')
  const concerning = ['', peerId].flatMap((peer) => {
    const own = rules.filter((rule) => rule.peerId === peer && rule.dataClass === dataClass)
    return own.length > 0 ? own : rules.filter((rule) => rule.peerId === peer && rule.dataClass === '*')
  })
  const demands = [
    { places: tag ? [tag] : undefined, mode: ofPeer },
    ...concerning
      .toSorted((a, b) => Number(a.peerId !== '') - Number(b.peerId !== '') || Number(a.id) - Number(b.id))
      .map((rule) => ({ places: rule.allowedRegions, mode: rule.mode || ofPeer })),
  ]
  for (const { places, mode } of demands) {
    if (mode === 'off' || mode === 'advise') continue
    for (const claim of tag ? [declaredResidency, located] : [declaredResidency]) {
      if (!isKnown(claim)) return 'RESIDENCY_UNKNOWN'
      if (!places || places.some((place) => above(claim).includes(place))) continue
      return places.length > 0 && !places.some(isKnown) ? 'RESIDENCY_UNKNOWN' : 'RESIDENCY_VIOLATION'
    }
  }
  return undefined
}

function naiveHolds(cidr: string, text: string): boolean {
  if (!ipaddr.isValid(text) || !ipaddr.isValidCIDR(cidr)) return false
  const address = ipaddr.process(text)
  const [parsed, bits] = ipaddr.parseCIDR(cidr)
  const isMapped = parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress()
  const network = isMapped ? parsed.toIPv4Address() : parsed
  const length = isMapped ? bits - 96 : bits
  const hasHostBits = toBits(network.toByteArray()).slice(length).includes('1')
  if (hasHostBits || network.kind() !== address.kind()) return false
  return toBits(network.toByteArray()).slice(0, length) === toBits(address.toByteArray()).slice(0, length)
}

const toBits = (bytes: readonly number[]): string => bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('')
