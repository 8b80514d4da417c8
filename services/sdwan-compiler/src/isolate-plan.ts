import { canonicalCidr, enclosingCidr } from '@powernode/policy'
import { Refusal } from '@powernode/rpc'
import type { PlannedStep } from './run.ts'
import type { Id } from './world.ts'

/** multi_tenant_isolation: network, prefix, firewall, OVN switch and ACLs of one tenant. */
export type Isolate = {
  readonly tenantKey: string
  readonly networkName: string
  readonly tenantCidr: string
  readonly nbDbEndpoint: string
  readonly sbDbEndpoint: string
  readonly ovnSwitchName: string
}

const TENANT_KEY = /^[a-z0-9][a-z0-9-]{0,47}$/

export const networkNameOf = ({ networkName, tenantKey }: Isolate): string => networkName || `tenant-${tenantKey}`
export const switchNameOf = ({ ovnSwitchName, tenantKey }: Isolate): string => ovnSwitchName || `ls-tenant-${tenantKey}`

export const ALLOW_PRIORITY = 100
export const DENY_PRIORITY = 1_000
export const ACL_ALLOW_PRIORITY = 2_000
export const ACL_DROP_PRIORITY = 1_000

/** The tenant's prefix in its one spelling, when one is chosen; refused before anything is written. */
export function tenantCidrOf({ tenantCidr }: Isolate): string | undefined {
  if (tenantCidr === '') return undefined
  const canonical = canonicalCidr(tenantCidr)
  if (canonical !== undefined && tenantCidr.includes('/')) return canonical
  const meant = enclosingCidr(tenantCidr)
  throw new Refusal(
    'REQUEST_INVALID',
    `tenant_cidr is no prefix, or has bits set behind its length: ${JSON.stringify(tenantCidr)}`,
    {
      ...(meant !== undefined && { next: `did you mean ${meant}?` }),
    },
  )
}

/** Refuses what cannot be isolated. `deployments`: how many OVN deployments there are. */
export function checkIsolate(said: Isolate, deployments: number): void {
  if (said.tenantKey === '') throw new Refusal('REQUEST_INVALID', 'tenant_key is required')
  if (!TENANT_KEY.test(said.tenantKey))
    throw new Refusal('REQUEST_INVALID', 'tenant_key is lower-case letters, digits and hyphens, 48 at most')
  tenantCidrOf(said)
  if (deployments === 0 && (said.nbDbEndpoint === '' || said.sbDbEndpoint === ''))
    throw new Refusal(
      'OVN_DEPLOYMENT_MISSING',
      'nb_db_endpoint and sb_db_endpoint are required when the account has no Sdwan::OvnDeployment yet',
      { next: 'name both, or create a deployment first' },
    )
}

/** What isolating a tenant does, in its order: what lets its own traffic pass comes before what drops the rest. */
export function isolateSteps(
  said: Isolate,
  { makesDeployment, newId }: { readonly makesDeployment: boolean; readonly newId: () => Id },
): readonly PlannedStep[] {
  const cidr = tenantCidrOf(said) ?? 'the /64 of its network'
  const name = switchNameOf(said)
  const step = (step: string, kind: string, what: string): PlannedStep => ({
    name: step,
    action: `${step} ${what}`,
    makes: { kind, id: newId() },
  })
  return [
    step('create_network', 'network', `${networkNameOf(said)} (ibgp, dedicated_vrf, tenant ${said.tenantKey})`),
    step('create_firewall_allow', 'firewall_rule', `${cidr} to itself, priority ${ALLOW_PRIORITY}, both`),
    step('create_firewall_deny', 'firewall_rule', `everything else, priority ${DENY_PRIORITY}, ingress`),
    ...(makesDeployment ? [step('create_ovn_deployment', 'ovn_deployment', said.nbDbEndpoint)] : []),
    step('create_ovn_switch', 'ovn_switch', name),
    step('create_ovn_acl_allow', 'ovn_acl', `${name}: from ${cidr}, allow-related, priority ${ACL_ALLOW_PRIORITY}`),
    step('create_ovn_acl_drop', 'ovn_acl', `${name}: not from ${cidr}, drop, priority ${ACL_DROP_PRIORITY}`),
  ]
}
