import { identityDir, type Layout } from '../dev/src/layout.ts'
import { join } from 'node:path'
import { postgresProgram } from '../dev/src/postgres-program.ts'
import { placesBelow } from './machine.ts'

/** The environment of the node's agent: where its own platform is, and where the payload lies. */
export function agentEnvironment(
  layout: Layout,
  { stateDir, payload }: { readonly stateDir: string; readonly payload: string },
): Record<string, string> {
  const { site, ports, trustDomain } = layout
  const at = (service: 'peer-registry' | 'federation-gateway' | 'grant-authz') => `${site.host}:${ports[service]}`
  return {
    TRUST_DOMAIN: trustDomain,
    IDENTITY_DIR: identityDir(layout, 'node-agent'),
    STATE_DIR: stateDir,
    PAYLOAD_ROOT: payload,
    PAYLOAD_FILE: placesBelow(payload).file,
    PEER_REGISTRY_ADDRESS: at('peer-registry'),
    GATEWAY_ADDRESS: at('federation-gateway'),
    GRANT_AUTHZ_ADDRESS: at('grant-authz'),
    ...replicaEnvironment(layout, join(stateDir, 'replica')),
  }
}

/** Room for a replica of the parent's database, should this child be a member of its cluster. */
function replicaEnvironment({ site, ports }: Layout, dir: string): Record<string, string> {
  const { binDir, prefix, owner } = postgresProgram(dir)
  return {
    REPLICA_DIR: dir,
    REPLICA_POSTGRES_DIR: binDir,
    REPLICA_POSTGRES_PREFIX: JSON.stringify(prefix),
    ...(owner && { REPLICA_POSTGRES_OWNER: `${owner.uid}:${owner.gid}` }),
    REPLICA_LISTEN: `${site.host}:${ports.replica}`,
  }
}
