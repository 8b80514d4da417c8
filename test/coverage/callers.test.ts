import { isPermission } from '@powernode/rpc'
import { describe, expect, test } from 'vitest'
import { CALLERS as AUDIT } from '../../services/audit-ledger/src/rpc.ts'
import { CALLERS as FEDERATION } from '../../services/federation-gateway/src/egress/forward.ts'
import { ROAD_CALLERS as GATEWAY } from '../../services/federation-gateway/src/roads/roads.ts'
import { APPROVAL_CALLERS as APPROVAL } from '../../services/grant-authz/src/rpc/approvals.ts'
import { GRANT_CALLERS as GRANT, POLICY_CALLERS } from '../../services/grant-authz/src/rpc/callers.ts'
import { CATALOGUE_CALLERS } from '../../services/grant-authz/src/rpc/catalogue.ts'
import { OPERATOR_CALLERS } from '../../services/grant-authz/src/rpc/operators.ts'
import { RESIDENCY_CALLERS } from '../../services/grant-authz/src/rpc/residency.ts'
import { RESOURCE_CALLERS } from '../../services/grant-authz/src/rpc/resources.ts'
import { CALLERS as LIVENESS } from '../../services/liveness/src/rpc.ts'
import { LEVEL_CALLERS } from '../../services/liveness/src/rpc/levels.ts'
import { DOCTOR_CALLERS } from '../../services/liveness/src/rpc/doctor.ts'
import { REMEDIATION_CALLERS } from '../../services/liveness/src/rpc/remediation.ts'
import { GOVERNANCE_CALLERS } from '../../services/liveness/src/rpc/governance.ts'
import { ACCEPTANCE_CALLERS } from '../../services/peer-registry/src/rpc/acceptance.ts'
import { AUTHORITY_CALLERS, PEER_CALLERS, VERSION_CALLERS } from '../../services/peer-registry/src/rpc/callers.ts'
import { NOTICE_CALLERS } from '../../services/peer-registry/src/rpc/notices.ts'
import { VITALS_CALLERS } from '@powernode/vitals'
import { NODE_CALLERS, SDWAN_CALLERS } from '../../services/sdwan-compiler/src/rpc/callers.ts'
import { SPAWN_CALLERS } from '../../services/spawn-provisioner/src/rpc/callers.ts'
import { production, SERVICES, sources } from './sources.ts'

const TABLES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'powernode.acceptance.v1.AcceptanceService': ACCEPTANCE_CALLERS,
  'powernode.approval.v1.ApprovalService': APPROVAL,
  'powernode.audit.v1.AuditLedgerService': AUDIT,
  'powernode.ca.v1.CertificateAuthorityService': AUTHORITY_CALLERS,
  'powernode.doctor.v1.DoctorService': DOCTOR_CALLERS,
  'powernode.federation.v1.FederationService': FEDERATION,
  'powernode.gateway.v1.GatewayService': GATEWAY,
  'powernode.grant.v1.GrantAuthzService': GRANT,
  'powernode.liveness.v1.RemediationService': REMEDIATION_CALLERS,
  'powernode.liveness.v1.GovernanceService': GOVERNANCE_CALLERS,
  'powernode.liveness.v1.LivenessService': LIVENESS,
  'powernode.liveness.v1.ServiceLevelService': LEVEL_CALLERS,
  'powernode.notice.v1.NoticeService': NOTICE_CALLERS,
  'powernode.operator.v1.OperatorService': OPERATOR_CALLERS,
  'powernode.peer.v1.PeerRegistryService': PEER_CALLERS,
  'powernode.policy.v1.PolicyService': POLICY_CALLERS,
  'powernode.residency.v1.ResidencyService': RESIDENCY_CALLERS,
  'powernode.resource.v1.CatalogueService': CATALOGUE_CALLERS,
  'powernode.resource.v1.ResourceService': RESOURCE_CALLERS,
  'powernode.sdwan.v1.NodeNetworkService': NODE_CALLERS,
  'powernode.sdwan.v1.SdwanService': SDWAN_CALLERS,
  'powernode.spawn.v1.SpawnService': SPAWN_CALLERS,
  'powernode.version.v1.VersionService': VERSION_CALLERS,
  'powernode.vitals.v1.VitalsService': VITALS_CALLERS,
}

/** Every service of every proto, with the names of its RPCs as a client says them. */
const DECLARED = new Map(
  sources('proto/powernode/**/*.proto').flatMap(({ text }) => {
    const [, pack = ''] = /^package ([\w.]+);/m.exec(text) ?? []
    return Array.from(text.matchAll(/^service (\w+) \{([\s\S]*?)^\}/gm), ([, name, body = '']) => [
      `${pack}.${name}`,
      Array.from(body.matchAll(/rpc (\w)(\w*)\(/g), ([, first = '', rest]) => first.toLowerCase() + rest),
    ] as const) // prettier-ignore
  }),
)

test('every service of every proto has a table of callers, and every table a service', () => {
  expect(Object.keys(TABLES).toSorted()).toEqual([...DECLARED.keys()].toSorted())
})

describe.each([...DECLARED])('%s', (service, rpcs) => {
  const table = TABLES[service] ?? {}

  test('has a row for each RPC, and each RPC somebody who may call it', () => {
    expect(Object.keys(table).toSorted()).toEqual(rpcs.toSorted())
    for (const rpc of rpcs) expect(table[rpc], rpc).not.toEqual([])
  })

  test('lets in nobody who does not exist, and no service that does not call', () => {
    const idle = rpcs.flatMap(
      (rpc) =>
      (table[rpc] ?? []).flatMap((caller) => (caller === 'operator' || isPermission(caller) || calls(caller, rpc) ? [] : [`${caller} never calls ${rpc}`])), // prettier-ignore
    )
    expect(idle).toEqual([])
  })
})

/** What an operator may do with its certificate alone: keep it, and ask who it is. All else takes a permission. */
const BY_CERTIFICATE = ['renewOwnCertificate', 'reportTrust', 'watchTrust', 'whoAmI']
/** What only tells something. What is not called so changes something. */
const READING =
  /^(check|compile|diagnose|examine|explain|export|get|list|preview|probe|prove|recent|reconcile|runTests|simulate|verify|watch|whatIf|whoAmI)/

test('an operator needs a permission for all but its own certificate, and one to manage for whatever changes something', () => {
  const rows = Object.values(TABLES).flatMap((table) => Object.entries(table))
  const open = rows.filter(([, callers]) => callers.includes('operator')).map(([rpc]) => rpc)
  expect(open.toSorted()).toEqual(BY_CERTIFICATE)
  const reading = rows.filter(([, callers]) => callers.includes('system.federation.read')).map(([rpc]) => rpc)
  expect(reading.length).toBeGreaterThan(20)
  expect(reading.filter((rpc) => !READING.test(rpc))).toEqual([])
})

/** What follows the operators runs in every service that says so. */
const FOLLOWING = production('libs/operators/src/*.ts').map(({ text }) => text).join('\n') // prettier-ignore

/** What keeps a certificate runs in every service, and beside NATS, which is no program of ours. */
const KEEPING = production('libs/rpc/src/identity/*.ts').map(({ text }) => text).join('\n') // prettier-ignore
/** What asks for approvals and carries out what was approved runs in every service that owns such acts. */
const CARRYING = production('libs/approvals/src/*.ts').map(({ text }) => text).join('\n') // prettier-ignore
/** What a doctor asks, wherever it stands. */
const ASKING = production('libs/doctor/src/gather/*.ts').map(({ text }) => text).join('\n') // prettier-ignore
const TEXT = new Map(SERVICES.map((name) => [`service/${name}`, production(`services/${name}/src/**/*.ts`).map(({ text }) => text).join('\n')])) // prettier-ignore

function calls(caller: string, rpc: string): boolean {
  if (caller === 'service/*') return true // for services to come: whoever has kinds of its own says so
  // A node is what node-agent runs on.
  const known =
    TEXT.get(caller === 'instance' ? 'service/node-agent' : caller) ??
    (caller === 'service/nats' || caller === 'service/postgres' ? '' : undefined)
  if (known === undefined) throw new Error(`${caller} is no service of ours`)
  // By its client, or as a talk (libs/rpc).
  return new RegExp(`\\.${rpc}\\(|openTalk\\(\\w+\\.method\\.${rpc},`).test(
    known +
      KEEPING +
      (known.includes('runApproved(') ? CARRYING : '') +
      (known.includes('witnessesBy(') ? ASKING : '') +
      (known.includes('followOperators(') ? FOLLOWING : ''),
  )
}
