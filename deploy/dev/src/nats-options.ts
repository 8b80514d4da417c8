import { join } from 'node:path'
import { natsUsers } from '../../nats/permissions.ts'
import { identityDir, type Layout } from './layout.ts'

/** How the NATS of a platform is started, with the program `binary`. */
export function natsOptions(layout: Layout, binary: string) {
  const from = identityDir(layout, 'nats')
  return {
    binary,
    dir: join(layout.dir, 'nats'),
    port: layout.ports.nats,
    tls: { cert: join(from, 'cert.pem'), key: join(from, 'key.pem'), ca: join(from, 'roots.pem') },
    account: layout.name.toUpperCase(),
    users: natsUsers(layout.trustDomain),
    systemUser: `spiffe://${layout.trustDomain}/service/nats`,
  }
}
