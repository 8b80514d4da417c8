import { filePath, hostPort } from '@powernode/process'
import { z } from 'zod'
import type { ReplicaHome } from './replica-home.ts'

const words = z
  .string()
  .transform((text): unknown => JSON.parse(text))
  .pipe(z.array(z.string()))

/** What a node is told that has room for a replica of its parent's database. */
export const REPLICA_ENVIRONMENT = {
  REPLICA_DIR: filePath.optional().describe("where a replica of the parent's database lies; none is kept without it"),
  REPLICA_POSTGRES_DIR: filePath
    .optional()
    .describe("the folder of the program postgres, of the parent's major version"),
  REPLICA_POSTGRES_PREFIX: words
    .default([])
    .describe('what stands before that program, as a JSON list: it refuses to run as root, setpriv switches the user'),
  REPLICA_POSTGRES_OWNER: z
    .string()
    .regex(/^\d+:\d+$/, 'is not uid:gid')
    .optional()
    .describe('uid:gid to whom its files are given'),
  REPLICA_LISTEN: hostPort.optional().describe('where the replica answers once it has been promoted'),
  REPLICA_ADDRESS: z.string().max(256).optional().describe('where others reach it then; REPLICA_LISTEN unless said'),
  REPLICA_DATABASE: z.string().min(1).default('powernode').describe("the platform's database in it"),
}

export type ReplicaConfig = { readonly home: ReplicaHome; readonly address: string }

type Said = z.infer<z.ZodObject<typeof REPLICA_ENVIRONMENT>>

/** All of it, or none: half a place for a replica would be found out when it is needed. */
export function replicaConfigFrom(said: Said): ReplicaConfig | undefined {
  const { REPLICA_DIR: dir, REPLICA_POSTGRES_DIR: binDir, REPLICA_LISTEN: listen, REPLICA_POSTGRES_OWNER: owner } = said
  if (dir === undefined) return undefined
  if (binDir === undefined || listen === undefined)
    throw new Error('REPLICA_DIR is set: say REPLICA_POSTGRES_DIR and REPLICA_LISTEN too')
  const [uid = 0, gid = 0] = (owner ?? '').split(':').map(Number)
  const home: ReplicaHome = {
    dir,
    binDir,
    listen,
    prefix: said.REPLICA_POSTGRES_PREFIX,
    database: said.REPLICA_DATABASE,
    ...(owner !== undefined && { owner: { uid, gid } }),
  }
  return { home, address: said.REPLICA_ADDRESS ?? `${listen.host}:${listen.port}` }
}
