import { readFileSync } from 'node:fs'
import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { pemToDer, readTlsFiles } from '@powernode/identity'
import {
  ClusterMembershipSchema,
  RedisAccessSchema,
  type ClusterMembership,
  type RedisAccess,
} from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import type { Config } from '../config.ts'
import type { Member } from '../member.ts'
import type { Facts } from '../store/replication.ts'

const text = ({ host, port }: { readonly host: string; readonly port: number }): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`

export const primaryAddressOf = ({ replication: { primary } }: Config): string => (primary ? text(primary) : '')
export const redisAddressOf = ({ replication: { redis } }: Config): string => (redis ? text(redis.address) : '')

/** All that a member needs to follow our Postgres, as it is now. */
export function membershipOf(
  config: Config,
  { member, facts, password }: { readonly member: Member; readonly facts: Facts; readonly password: string },
): ClusterMembership {
  const { primary, primaryName } = config.replication
  if (!primary) throw new Error('a member was admitted, and nobody says where our Postgres is')
  const redis = redisAccess(config)
  return create(ClusterMembershipSchema, {
    slotName: member.slotName,
    roleName: member.roleName,
    password,
    primaryHost: primary.host,
    primaryPort: primary.port,
    primaryRoots: pemToDer(readTlsFiles(config.identityDir).ca, 'CERTIFICATE'),
    primaryServerName: primaryName,
    ...(member.roleExpiresAt && { roleExpiresAt: timestampFromDate(member.roleExpiresAt) }),
    systemIdentifier: facts.systemIdentifier,
    postgresMajor: facts.major,
    ...(redis && { redis }),
  })
}

/** The Redis at our virtual address, with its credential; read anew each time, so that a file may be replaced. */
function redisAccess({ replication: { redis } }: Config): RedisAccess | undefined {
  if (!redis) return undefined
  const { address, username, passwordFile, rootsFile, serverName } = redis
  return create(RedisAccessSchema, {
    address: text(address),
    username,
    password: passwordFile === undefined ? '' : readFileSync(passwordFile, 'utf8').trim(),
    roots: pemToDer(readFileSync(rootsFile, 'utf8'), 'CERTIFICATE'),
    serverName: serverName === '' ? address.host : serverName,
  })
}
