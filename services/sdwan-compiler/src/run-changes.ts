import { create, type MessageInitShape } from '@bufbuild/protobuf'
import type { ItemSchema } from '@powernode/proto/powernode/sdwan/v1/intent_pb.ts'
import { ChangeSchema, type Change } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { isHub, MOST_GATEWAYS, routingOf, type Compose, type ComposeMember } from './compose-plan.ts'
import {
  ACL_ALLOW_PRIORITY,
  ACL_DROP_PRIORITY,
  ALLOW_PRIORITY,
  DENY_PRIORITY,
  networkNameOf,
  switchNameOf,
  tenantCidrOf,
  type Isolate,
} from './isolate-plan.ts'
import { stands, type RunStep } from './run.ts'

/** The record that a step of a composition makes; undefined: it only looks. `steps` are all of the run, as they stand. */
export function composeChange(said: Compose, step: RunStep, steps: readonly RunStep[]): Change | undefined {
  const networkId = idMadeBy(steps, 'create_network')
  const id = step.recordId ?? ''
  if (step.name === 'create_network')
    return put({
      case: 'network',
      value: { id, name: said.networkName, topologyStrategy: said.topology, routingProtocol: routingOf(said) },
    })
  if (step.name === 'attach_peer')
    return put({ case: 'member', value: { id, networkId, ...memberOf(memberAt(said, step, steps)) } })
  if (step.name === 'accept_prefixes') {
    const gatewayMemberIds = hubIds(said, steps).slice(0, MOST_GATEWAYS)
    const value = { id, networkId, peerId: said.federationPeerId, gatewayMemberIds, accept: [...said.acceptPrefixes] }
    return put({ case: 'prefixAccess', value })
  }
  return undefined
}

/** Which of the members that were asked for a step attaches: the nth of its kind the nth of them. */
function memberAt(said: Compose, step: RunStep, steps: readonly RunStep[]): ComposeMember {
  const attaching = steps.filter(({ name }) => name === 'attach_peer')
  const member = said.members[attaching.findIndex(({ place }) => place === step.place)]
  if (!member) throw new Error(`step ${step.place} attaches nobody who was asked for`)
  return member
}

const memberOf = (member: ComposeMember) => ({
  nodeInstanceId: member.nodeInstanceId,
  name: member.name,
  publiclyReachable: isHub(member),
  endpointHostV6: member.endpointHostV6,
  endpointHostV4: member.endpointHostV4,
  endpointPort: member.endpointPort,
  listenPort: member.listenPort,
  lanSubnets: [...member.lanSubnets],
  bgpRouteReflectorClient: member.bgpRouteReflectorClient,
})

/** The members that were attached, and the hubs among them. */
export const attached = (said: Compose, steps: readonly RunStep[]) =>
  steps
    .filter((step) => step.name === 'attach_peer' && stands(step))
    .map((step) => ({ id: step.recordId ?? '', member: memberAt(said, step, steps) }))

const hubIds = (said: Compose, steps: readonly RunStep[]): readonly string[] =>
  attached(said, steps).flatMap(({ id, member }) => (isHub(member) ? [id] : []))

/** What is there already, when a step of an isolation is done. */
export type Ground = { readonly networkCidr: string | undefined; readonly deploymentId: string | undefined }

/** The record that a step of an isolation makes. */
export function isolateChange(
  said: Isolate,
  step: RunStep,
  { steps, networkCidr, deploymentId }: Ground & { readonly steps: readonly RunStep[] },
): Change {
  const id = step.recordId ?? ''
  const networkId = idMadeBy(steps, 'create_network')
  const switchId = idMadeBy(steps, 'create_ovn_switch')
  const cidr = tenantCidrOf(said) ?? networkCidr ?? ''
  const family = cidr.includes(':') ? 'ip6' : 'ip4'
  const within = { kind: { case: 'cidr', value: cidr } } as const
  const all = { kind: { case: 'all', value: true } } as const
  const acl = { id, switchId, direction: 'to-lport', state: 'active' } as const
  switch (step.name) {
    case 'create_network':
      return put({
        case: 'network',
        value: {
          id,
          name: networkNameOf(said),
          routingProtocol: 'ibgp',
          isolation: 'dedicated_vrf',
          tenantKey: said.tenantKey,
        },
      })
    case 'create_firewall_allow': {
      const value = { id, networkId, name: `${said.tenantKey}-allow`, priority: ALLOW_PRIORITY, action: 'accept', direction: 'both', protocol: 'any', src: within, dst: within } // prettier-ignore
      return put({ case: 'firewallRule', value })
    }
    case 'create_firewall_deny': {
      const value = { id, networkId, name: `${said.tenantKey}-deny`, priority: DENY_PRIORITY, action: 'drop', direction: 'ingress', protocol: 'any', src: all, dst: all } // prettier-ignore
      return put({ case: 'firewallRule', value })
    }
    case 'create_ovn_deployment': {
      const value = {
        id,
        name: 'default',
        status: 'active',
        nbDbEndpoint: said.nbDbEndpoint,
        sbDbEndpoint: said.sbDbEndpoint,
      }
      return put({ case: 'ovnDeployment', value })
    }
    case 'create_ovn_switch': {
      const made = idMadeBy(steps, 'create_ovn_deployment')
      const value = {
        id,
        deploymentId: made || (deploymentId ?? ''),
        name: switchNameOf(said),
        cidr,
        state: 'active',
        networkId,
      }
      return put({ case: 'ovnSwitch', value })
    }
    case 'create_ovn_acl_allow': {
      const match = { family, srcCidr: cidr }
      return put({
        case: 'ovnAcl',
        value: { ...acl, name: 'allow-tenant', priority: ACL_ALLOW_PRIORITY, action: 'allow-related', match },
      })
    }
    case 'create_ovn_acl_drop': {
      const match = { family, srcCidr: cidr, srcNot: true }
      return put({
        case: 'ovnAcl',
        value: { ...acl, name: 'drop-others', priority: ACL_DROP_PRIORITY, action: 'drop', match },
      })
    }
    default:
      throw new Error(`an isolation has no step ${step.name}`)
  }
}

/** The id of the record that the one step of this name makes; empty: the run has no such step. */
export const idMadeBy = (steps: readonly RunStep[], name: string): string =>
  steps.find((step) => step.name === name)?.recordId ?? ''

/** What takes back the record that a step made. What hangs on it is somebody else's, and MUST NOT go with it. */
export const deletionOf = ({ recordKind, recordId }: RunStep): Change =>
  create(ChangeSchema, { act: { case: 'delete', value: { kind: recordKind ?? '', id: recordId ?? '' } } })

const put = (kind: NonNullable<MessageInitShape<typeof ItemSchema>['kind']>): Change =>
  create(ChangeSchema, { act: { case: 'put', value: { kind } } })
