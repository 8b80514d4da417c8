import { filePath, hostPort } from '@powernode/process'
import { z } from 'zod'

/** What this process is told about replicas of the platform's database. */
export const REPLICATION_ENVIRONMENT = {
  REPLICATION_PRIMARY: hostPort
    .optional()
    .describe("host:port under which members of the cluster reach the platform's Postgres; without it there are none"),
  REPLICATION_PRIMARY_NAME: z
    .string()
    .max(253)
    .default('')
    .describe('the name that its certificate bears; the host of REPLICATION_PRIMARY unless said otherwise'),
  REPLICATION_TAKE_OVER: z
    .enum(['believed', 'reported'])
    .default('believed')
    .describe('a member that says it took over by itself: our database is fenced, or it is reported and nothing else'),
  REDIS_ADDRESS: hostPort.optional().describe("host:port of the Redis at the platform's virtual address, over TLS"),
  REDIS_USERNAME: z.string().max(128).default('').describe('as whom members log in there'),
  REDIS_PASSWORD_FILE: filePath.optional().describe('a file with the password for it, mode 0600'),
  REDIS_ROOTS_FILE: filePath.optional().describe('the roots that vouch for it, PEM'),
  REDIS_SERVER_NAME: z.string().max(253).default('').describe('the name its certificate bears; its host otherwise'),
}

type Address = { readonly host: string; readonly port: number }

export type ReplicationConfig = {
  readonly primary: Address | undefined
  readonly primaryName: string
  /** What a member that says it took over by itself brings about: a fence, or a report. */
  readonly takeOver: 'believed' | 'reported'
  readonly redis:
    | {
        readonly address: Address
        readonly username: string
        readonly passwordFile: string | undefined
        readonly rootsFile: string
        readonly serverName: string
      }
    | undefined
}

type Said = z.infer<z.ZodObject<typeof REPLICATION_ENVIRONMENT>>

/** A Redis without roots would be spoken to without knowing that it is it. */
export function replicationConfigFrom(said: Said): ReplicationConfig {
  const { REDIS_ADDRESS: address, REDIS_ROOTS_FILE: rootsFile, REPLICATION_PRIMARY: primary } = said
  if (address !== undefined && rootsFile === undefined)
    throw new Error('REDIS_ADDRESS is set and REDIS_ROOTS_FILE is not: say by which roots it is known')
  const redis = address &&
    rootsFile !== undefined && {
      address,
      rootsFile,
      username: said.REDIS_USERNAME,
      passwordFile: said.REDIS_PASSWORD_FILE,
      serverName: said.REDIS_SERVER_NAME,
    }
  const primaryName = said.REPLICATION_PRIMARY_NAME || (primary?.host ?? '')
  return { primary, primaryName, takeOver: said.REPLICATION_TAKE_OVER, redis: redis || undefined }
}
