/** The services of one platform in this launcher, and the Postgres schema each of them owns. */
export const SERVICES = {
  'peer-registry': { schema: 'peer_registry' },
  'federation-gateway': { schema: undefined },
  liveness: { schema: 'liveness' },
  'audit-ledger': { schema: 'audit_ledger' },
  'grant-authz': { schema: 'grant_authz' },
  'spawn-provisioner': { schema: 'spawn_provisioner' },
  'sdwan-compiler': { schema: 'sdwan_compiler' },
} as const satisfies Record<string, { readonly schema: string | undefined }>

export type ServiceName = keyof typeof SERVICES

export const SERVICE_NAMES = Object.keys(SERVICES) as readonly ServiceName[] // keys of a constant

/** Whom the others ask comes first, and the door last: on a slow machine a service that asks too early waits twice. */
const RANK: Readonly<Record<ServiceName, number>> = {
  'peer-registry': 1,
  'grant-authz': 2,
  'audit-ledger': 3,
  liveness: 4,
  'spawn-provisioner': 5,
  'sdwan-compiler': 6,
  'federation-gateway': 7,
}

export const STARTING_ORDER = SERVICE_NAMES.toSorted((a, b) => RANK[a] - RANK[b])

export const SCHEMAS = SERVICE_NAMES.flatMap((name) => {
  const { schema } = SERVICES[name]
  return schema === undefined ? [] : [{ service: name, schema }]
})
