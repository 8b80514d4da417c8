import { AUDIT_LEDGER } from './announcements/audit-ledger.ts'
import { GRANT_AUTHZ } from './announcements/grant-authz.ts'
import { LIVENESS } from './announcements/liveness.ts'
import { PEER_REGISTRY } from './announcements/peer-registry.ts'
import { SDWAN_COMPILER } from './announcements/sdwan-compiler.ts'
import { SPAWN_PROVISIONER } from './announcements/spawn-provisioner.ts'
import type { News } from './announcements/saying.ts'

export { AT, PEER } from './announcements/saying.ts'

/** Every way in which any service makes news. A function that is not here fails the test. */
export const ANNOUNCED: News = {
  ...AUDIT_LEDGER,
  ...GRANT_AUTHZ,
  ...LIVENESS,
  ...PEER_REGISTRY,
  ...SDWAN_COMPILER,
  ...SPAWN_PROVISIONER,
}
