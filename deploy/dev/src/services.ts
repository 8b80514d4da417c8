/** The services of one platform in this launcher, and the Postgres schema each of them owns. */
export const SERVICES = {
  'peer-registry': { schema: 'peer_registry' },
  'federation-gateway': { schema: undefined },
  liveness: { schema: 'liveness' },
  'audit-ledger': { schema: 'audit_ledger' },
  'grant-authz': { schema: 'grant_authz' },
} as const satisfies Record<string, { readonly schema: string | undefined }>

export type ServiceName = keyof typeof SERVICES

export const SERVICE_NAMES = Object.keys(SERVICES) as readonly ServiceName[] // keys of a constant

export const SCHEMAS = SERVICE_NAMES.flatMap((name) => {
  const { schema } = SERVICES[name]
  return schema === undefined ? [] : [{ service: name, schema }]
})
