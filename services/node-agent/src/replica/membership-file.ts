import { existsSync, readFileSync } from 'node:fs'
import { fromJson, toJson, type JsonValue } from '@bufbuild/protobuf'
import {
  ClusterMembershipSchema,
  type ClusterMembership,
} from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { pathIn, writeOwned, type ReplicaHome } from './replica-home.ts'

/** Whom we follow, and by which peering we were told. */
export type Kept = {
  readonly peerId: string
  readonly membership: ClusterMembership
  /** It was told to stop, and MUST NOT come up again by itself: somebody else may be the primary since. */
  readonly stopped?: boolean
  /** The last position of a primary that resigned. */
  readonly resignedAt?: string
  /** By whose word, and why, it took over while the parent was gone: told to the parent when it is back. */
  readonly tookOver?: string
}

const fileOf = (home: ReplicaHome) => pathIn(home, 'membership.json')

/** As the parent said last: beside the copy, readable by nobody else, because it holds the password. */
export function readKept(home: ReplicaHome): Kept | undefined {
  if (!existsSync(fileOf(home))) return undefined
  const { membership, ...kept }: Omit<Kept, 'membership'> & { membership: JsonValue } = JSON.parse(
    readFileSync(fileOf(home), 'utf8'),
  )
  return { ...kept, membership: fromJson(ClusterMembershipSchema, membership) }
}

/** On disk when this returns. */
export function writeKept(home: ReplicaHome, { membership, ...kept }: Kept): void {
  const text = JSON.stringify({ ...kept, membership: toJson(ClusterMembershipSchema, membership) })
  writeOwned({ ...home, owner: undefined }, fileOf(home), text)
}
