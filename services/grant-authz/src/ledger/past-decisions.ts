import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { CallOptions, Client } from '@connectrpc/connect'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { refusalOf } from '@powernode/rpc'

/** What is asked of audit-ledger. */
export type Ledger = Pick<Client<typeof AuditLedgerService>, 'listDecisions'>

const PAGE = 5_000

/**
 * The decisions since a moment, the newest first, page by page: of one peer, or of all when `peerId` is empty.
 *
 * While a page is looked at, the next is on its way; there are never more than two in memory.
 */
export async function* pastDecisions(
  ledger: Ledger,
  { peerId, since, until }: { peerId: string; since: Date; until: Date },
  options: CallOptions,
): AsyncGenerator<readonly Decision[]> {
  const fetch = async (pageToken: string) => {
    const range = { since: timestampFromDate(since), until: timestampFromDate(until) }
    const asking = ledger.listDecisions({ peerId, ...range, pageSize: PAGE, pageToken }, options)
    const page = await asking.catch((error: unknown) => {
      throw refusalOf(error) ?? error // what the ledger refuses is meant for whoever asked us
    })
    return { ...page, next: page.nextPageToken }
  }
  for (let page = await fetch(''); ;) {
    const coming = page.next === '' ? undefined : fetch(page.next)
    coming?.catch(() => {}) // whoever stops listening does not wait for it
    yield page.decisions
    if (!coming) return
    page = await coming
  }
}
