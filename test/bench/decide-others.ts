import * as cedar from '@cedar-policy/cedar-wasm/nodejs'
import { inSomeCidr, matches, parseBearer, type AccessRequest, type Policy, type PolicyGrant } from '@powernode/policy'
import { newEnforcer, newModelFromString } from 'casbin'
import { AT_MS } from './decide-questions.ts'

/** Whether a call may pass, asked of somebody else. */
export type Ask = (request: AccessRequest) => boolean

/**
 * What both are spared, because neither has a word for it: finding the grant, digesting the secret, finding the bridge,
 * the tag and the rule, and all the places that a place lies in.
 */
type Asked = {
  readonly request: AccessRequest
  readonly grant: PolicyGrant
  readonly bridge: string
  readonly places: readonly string[]
  readonly mustBeIn: readonly string[]
}

const PLACES: Readonly<Record<string, readonly string[]>> = { 'eu-west-1': ['eu-west-1', 'eu'], us: ['us'] }

function prepared(policy: Policy, request: AccessRequest): Asked | undefined {
  const bearer = parseBearer(request.bearer ?? '')
  const grant = bearer && policy.grant(bearer.grantId)
  if (!grant || !matches(bearer.secret, grant.secretSha256)) return undefined
  const tag = policy.residencyOf(request.peerId)?.tag ?? ''
  const rule = request.kind === 'network' ? 'eu' : ''
  return {
    request,
    grant,
    bridge: policy.bridgeState(request.peerId, request.sdwanNetworkId) ?? '',
    places: PLACES[request.declaredResidency] ?? [],
    mustBeIn: [tag, rule].filter((place) => place !== ''),
  }
}

/** One policy, parsed once; the grant is the principal, handed over as the only entity. Two blocks at most: it has no loops. */
const CEDAR = `permit (principal, action, resource) when {
  principal.peer == context.peer && principal.identity == context.identity &&
  principal.revokedAt == 0 && context.at < principal.expiresAt && context.at >= principal.notBefore &&
  principal.kind == context.kind && (principal.id == "" || principal.id == context.id) &&
  principal.scopes.contains(context.scope) &&
  (principal.instances.isEmpty() || principal.instances.contains(context.instance)) &&
  (principal.networks.isEmpty() || principal.networks.contains(context.network)) &&
  (context.network == "" || context.bridge == "active") &&
  (!(principal has block0) || context.source.isInRange(principal.block0) || context.source.isInRange(principal.block1)) &&
  context.places.containsAll(context.mustBeIn)
};`

export function askCedar(policy: Policy): Ask {
  const parsed = cedar.preparsePolicySet('mesh', { staticPolicies: CEDAR })
  if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed.errors))
  const ip = (arg: string) => ({ __extn: { fn: 'ip', arg } })
  return (request) => {
    const asked = prepared(policy, request)
    if (!asked) return false
    const { grant, bridge, places, mustBeIn } = asked
    const [block0, block1] = grant.sourceCidrs
    const uid = { type: 'Grant', id: grant.id }
    const attrs = {
      peer: grant.peerId,
      identity: grant.boundIdentities[0] ?? request.enrolledIdentity,
      kind: grant.resourceKind,
      id: grant.resourceId,
      scopes: grant.scopes === 3 ? ['read', 'write'] : ['read'],
      instances: [...grant.nodeInstanceIds],
      networks: [...grant.sdwanNetworkIds],
      ...(block0 && block1 ? { block0: ip(block0), block1: ip(block1) } : {}),
      notBefore: grant.notBeforeMs,
      expiresAt: grant.expiresAtMs,
      revokedAt: grant.revokedAtMs,
    }
    const answer = cedar.statefulIsAuthorized({
      principal: uid,
      action: { type: 'Action', id: request.scope },
      resource: { type: 'Resource', id: request.id },
      context: {
        peer: request.peerId,
        identity: request.presentedIdentity,
        at: AT_MS,
        kind: request.kind,
        id: request.id,
        scope: request.scope,
        instance: request.nodeInstanceId,
        network: request.sdwanNetworkId,
        bridge,
        source: ip(request.sourceAddress),
        places: [...places],
        mustBeIn: [...mustBeIn],
      },
      preparsedPolicySetId: 'mesh',
      entities: [{ uid, attrs, parents: [] }],
    })
    if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors))
    return answer.response.decision === 'allow'
  }
}

/** One matcher over the attributes of grant and call; lists and blocks are functions of ours, since it has none. */
const CASBIN = `
[request_definition]
r = grant, call

[policy_definition]
p = eft

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = r.grant.peerId == r.call.peerId && r.grant.identity == r.call.identity && r.grant.revokedAtMs == 0 && \
  r.call.at < r.grant.expiresAtMs && r.call.at >= r.grant.notBeforeMs && r.grant.resourceKind == r.call.kind && \
  (r.grant.resourceId == "" || r.grant.resourceId == r.call.id) && scope(r.grant.scopes, r.call.scope) && \
  listed(r.grant.nodeInstanceIds, r.call.instance) && listed(r.grant.sdwanNetworkIds, r.call.network) && \
  (r.call.network == "" || r.call.bridge == "active") && source(r.grant.sourceCidrs, r.call.source) && \
  places(r.call.places, r.call.mustBeIn)
`.replaceAll('\\\n', '')

export async function askCasbin(policy: Policy): Promise<Ask> {
  const enforcer = await newEnforcer(newModelFromString(CASBIN))
  await enforcer.addPolicy('allow')
  const listed = (list: readonly string[], said: string): boolean => list.length === 0 || list.includes(said)
  await enforcer.addFunction('listed', listed)
  await enforcer.addFunction('source', (list: string[], said: string) => list.length === 0 || inSomeCidr(list, said))
  await enforcer.addFunction('scope', (bits: number, said: string) => ({ read: 1, write: 2 })[said] === (bits & (said === 'read' ? 1 : 2))) // prettier-ignore
  await enforcer.addFunction('places', (places: string[], must: string[]) => must.every((place) => places.includes(place))) // prettier-ignore
  return (request) => {
    const asked = prepared(policy, request)
    if (!asked) return false
    const { grant, bridge, places, mustBeIn } = asked
    const call = {
      peerId: request.peerId,
      identity: request.presentedIdentity,
      at: AT_MS,
      kind: request.kind,
      id: request.id,
      scope: request.scope,
      instance: request.nodeInstanceId,
      network: request.sdwanNetworkId,
      bridge,
      source: request.sourceAddress,
      places,
      mustBeIn,
    }
    return enforcer.enforceSync({ ...grant, identity: grant.boundIdentities[0] ?? request.enrolledIdentity }, call)
  }
}
