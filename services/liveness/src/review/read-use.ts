import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { GovernanceDeps } from '../governance/governance-deps.ts'
import { couldBeUnused, UNUSED_AFTER_MS, type GrantRow, type Use } from '../review-lists/evidence.ts'
import { eachOf } from './each-of.ts'

/** Peers that are asked about at a time: a page of decisions is heavy, and nobody waits for a review. */
const AT_ONCE = 4
const PAGE = 5_000
/** Of a peer that calls all day long no more is read than this: of what was not seen by then nothing is said. */
const MOST_PAGES = 10

/**
 * Which scopes of which grants were used in the last 30 days, as the ledger has it: only allowed calls of peers count. Read
 * for peers that hold a grant old enough to be called unused, newest calls first, and only until every scope was seen.
 */
export async function readUse(
  ledger: Pick<GovernanceDeps['owners']['ledger'], 'listDecisions'>,
  grants: readonly GrantRow[],
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, Use>> {
  const since = timestampFromDate(new Date(now.getTime() - UNUSED_AFTER_MS))
  const until = timestampFromDate(now)
  const byPeer = Map.groupBy(
    grants.filter((grant) => couldBeUnused(grant, now)),
    ({ peerId }) => peerId,
  )
  const found = new Map<string, Use>()
  await eachOf([...byPeer], AT_ONCE, async ([peerId, held]) => {
    const seen = new Map(held.map(({ id }) => [id, new Set<string>()]))
    const wanting = () => held.filter(({ id, scopes }) => scopes.some((scope) => !seen.get(id)?.has(scope)))
    let pageToken = ''
    let isWhole = false
    for (let page = 0; page < MOST_PAGES && !isWhole && wanting().length > 0; page++) {
      const asked = { peerId, since, until, direction: 'in', pageSize: PAGE, pageToken }
      const { decisions, nextPageToken } = await ledger.listDecisions(asked, { signal })
      for (const { grantId, scope, allowed } of decisions) if (allowed) seen.get(grantId)?.add(scope)
      pageToken = nextPageToken
      isWhole = nextPageToken === ''
    }
    const unsure = isWhole ? [] : wanting()
    for (const grant of held)
      if (!unsure.includes(grant)) found.set(grant.id, { scopes: seen.get(grant.id) ?? NOTHING })
  })
  return found
}

const NOTHING: ReadonlySet<string> = new Set()
