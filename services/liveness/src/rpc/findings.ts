import type { ServiceImpl } from '@connectrpc/connect'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { inTransaction, rehearse, type Tx } from '@powernode/postgres'
import type { GovernanceService } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { Refusal, requestOf, type CallersTable } from '@powernode/rpc'
import type { GovernanceDeps } from '../governance/governance-deps.ts'
import { lookAtPeers } from '../governance/look.ts'
import { acknowledgeFinding } from '../operations/acknowledge-finding.ts'
import * as findings from '../store/findings.ts'
import * as scans from '../store/governance-scan.ts'
import type { Tables } from '../store/tables.ts'
import { findingToWire } from '../wire-findings.ts'
import { listCommitments } from './commitments.ts'
import { isPeerId } from './page-token.ts'

type Own = 'listFindings' | 'acknowledgeFinding' | 'scanGovernance' | 'listCommitments'

export const FINDING_CALLERS = {
  listFindings: ['system.federation.read'],
  acknowledgeFinding: ['system.federation_peers.manage'],
  // The accepting skill ends with a look at what it has made.
  scanGovernance: ['system.federation_peers.manage', 'service/peer-registry'],
  listCommitments: ['system.federation.read'],
} as const satisfies Pick<CallersTable<typeof GovernanceService>, Own>

const PAGE = 100
/** As many findings as an answer to a look shows: the gravest. */
const MOST_SHOWN = 1_000

/** What is wrong with how peerings stand. */
export const findingHandlers = (deps: GovernanceDeps): Pick<ServiceImpl<typeof GovernanceService>, Own> => ({
  listFindings: ({ peerId, kind, includeClosed, unacknowledgedOnly, pageSize, pageToken }) =>
    inTransaction(
      deps.db,
      async (tx) => {
        const limit = pageSize || PAGE
        const after = placeIn(pageToken)
        const filter = { peerId, kind, includeClosed, unacknowledgedOnly, after, limit: limit + 1 }
        const page = await findings.page(tx, filter)
        const scan = await scans.last(tx)
        const last = page.length > limit ? page[limit - 1] : undefined
        return {
          findings: page.slice(0, limit).map(findingToWire),
          nextPageToken: last ? tokenOf(last) : '',
          ...(scan && { scannedAt: timestampFromDate(scan.scannedAt), unread: [...scan.unread] }),
        }
      },
      { isolation: 'repeatable read' },
    ),

  async acknowledgeFinding({ id, note, dryRun }, context) {
    const { actor: by } = requestOf(context)
    const verb = (tx: Tx<Tables>) => acknowledgeFinding(tx, deps.clock.now(), { id, note, by })
    return { finding: findingToWire(await (dryRun ? rehearse(deps.db, verb) : inTransaction(deps.db, verb))) }
  },

  async scanGovernance({ peerId }, { signal }) {
    const { opened, closed, peers, unread } = await lookAtPeers(deps, peerId, signal)
    const filter = { peerId, kind: '', includeClosed: false, unacknowledgedOnly: false, after: undefined }
    const shown = await inTransaction(deps.db, (tx) => findings.page(tx, { ...filter, limit: MOST_SHOWN }))
    return { findings: shown.map(findingToWire), opened, closed, peers, unread: [...unread] }
  },

  listCommitments: (request) => listCommitments(deps, request),
})

/** A page ends at a place in the order of the list; opaque to callers. */
const tokenOf = ({ gravity, id }: findings.Place): string => Buffer.from(`${gravity} ${id}`).toString('base64url')

function placeIn(token: string): findings.Place | undefined {
  if (token === '') return undefined
  const [, gravity, id] = /^([1-4]) ([0-9a-f-]{36})$/.exec(Buffer.from(token, 'base64url').toString()) ?? []
  if (gravity === undefined || id === undefined || !isPeerId(id))
    throw new Refusal('PAGE_TOKEN_INVALID', 'the page token is none of ours: start from the first page')
  return { gravity: Number(gravity), id }
}
