import { create } from '@bufbuild/protobuf'
import type { FeedSource } from '@powernode/feed'
import { DirectorySchema, type Directory, type TokenIssuer } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import type { GrantTx, Tables } from '../store/tables.ts'
import { DIRECTORY_PARTS } from './directory-parts.ts'

/** The name of the feed by which services learn whom to obey; triggers draw its epochs (0004_operator.sql). */
export const OPERATORS_FEED = 'operators'

/** What WatchOperators tells: always the whole, since it is small and nobody then has to put it together. */
export type DirectoryUpdate = { readonly case: 'directory'; readonly value: Directory }

/** Everything services need to know whom to obey, as of the transaction's snapshot. */
export async function readDirectory(tx: GrantTx, ownIssuer: TokenIssuer): Promise<Directory> {
  const directory = create(DirectorySchema, { issuers: [ownIssuer] })
  for (const part of DIRECTORY_PARTS) {
    const { issuers = [], ...said } = await part(tx)
    const filled = create(DirectorySchema, { ...said, issuers })
    directory.issuers.push(...filled.issuers)
    if (said.operators) directory.operators = filled.operators
    if (said.policies) directory.policies = filled.policies
    if (said.autonomy) directory.autonomy = filled.autonomy
    if (said.approved) directory.approved = filled.approved
  }
  return directory
}

/** The directory as a feed: whatever changed, all of it. */
export function directorySource(ownIssuer: TokenIssuer): FeedSource<Tables, DirectoryUpdate> {
  async function* whole(tx: GrantTx): AsyncGenerator<DirectoryUpdate> {
    yield { case: 'directory', value: await readDirectory(tx, ownIssuer) }
  }
  return { readAll: whole, readSince: whole }
}
