import type { FeedSource } from '@powernode/feed'
import { policyOf, type PolicyTable } from '@powernode/policy'
import type { PolicyGrant, PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { GrantTx, Tables } from '../store/tables.ts'
import { readGrantOf } from './grant-part.ts'
import { POLICY_PARTS } from './policy-parts.ts'
import type { PolicyPart } from './policy-part.ts'
import { grantPart } from './grant-part.ts'

/** What WatchPolicy tells: pages of rows. */
export type PolicyUpdate = { readonly case: 'page'; readonly value: PolicyPage }

/** The whole policy as a feed: each area's part of it, one after another, as of one moment. */
export const policySource: FeedSource<Tables, PolicyUpdate> = {
  readAll: (tx) => told((part) => part.readAll(tx)),
  readSince: (tx, epoch) => told((part) => part.readSince(tx, epoch)),
}

async function* told(read: (part: PolicyPart) => AsyncIterable<PolicyPage>): AsyncGenerator<PolicyUpdate> {
  for (const part of POLICY_PARTS) for await (const value of read(part)) yield { case: 'page', value }
}

/** The policy as a gateway would hold it, as far as it concerns one peer; and the grants that could be meant. */
export async function readPolicyOf(
  tx: GrantTx,
  { peerId, grantId }: { peerId: string; grantId: string | undefined },
): Promise<{ readonly policy: PolicyTable; readonly grants: readonly PolicyGrant[] }> {
  const pages: PolicyPage[] = []
  for (const part of POLICY_PARTS) {
    const read =
      part === grantPart && grantId !== undefined
        ? readGrantOf(tx, peerId, grantId)
        : (part.readOf?.(tx, peerId) ?? part.readAll(tx))
    for await (const page of read) pages.push(page)
  }
  return { policy: policyOf(pages), grants: pages.flatMap(({ grants }) => grants) }
}
