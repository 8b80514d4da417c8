import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { ServiceImpl } from '@connectrpc/connect'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { Appender } from '../append/appender.ts'
import type { NewEntry } from '../new-entry.ts'
import { placesOf } from '../operations/append/append-entries.ts'
import { getDecision } from '../operations/get-decision.ts'
import { listDecisions } from '../operations/list-decisions.ts'
import { decisionFromBody, entryFromDecision, pageToken, readPageToken } from './decision-wire.ts'
import { actIn, type DoorDeps } from './door.ts'

export type DecisionDeps = DoorDeps & { readonly appender: Appender }

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, 'recordDecisions' | 'getDecision' | 'listDecisions'>

export const DECISION_CALLERS = {
  recordDecisions: ['service/federation-gateway'],
  getDecision: ['system.federation.read'],
  listDecisions: ['system.federation.read', 'service/grant-authz'],
} as const

const DEFAULT_LIMIT = 100

/** What was decided about calls across the border: written by the gateway, read by operators and by what-if. */
export function decisionHandlers({ db, clock, appender }: DecisionDeps): Handlers {
  const act = actIn({ db, clock })

  /** Of a decision that is told twice, the first stays. */
  const record = async (items: readonly NewEntry[]) => {
    const written = await appender.append(items)
    placesOf(
      written.map((one) => ('refused' in one && one.refused === 'ENTRY_CONFLICT' ? STANDS : one)),
      items,
    )
  }

  return {
    /** One message after the other: what a gateway says meanwhile waits with it, and makes its next message. */
    async *recordDecisions(messages) {
      for await (const { number, decisions } of messages) {
        await record(decisions.map(entryFromDecision))
        yield { number }
      }
    },

    async getDecision({ decisionId }) {
      const { body, log, sequence } = await act((tx, now) => getDecision(tx, now, { id: decisionId }))
      return { decision: decisionFromBody(body), log, sequence: BigInt(sequence) }
    },

    async listDecisions({ peerId, direction, refusedOnly, since, until, pageSize, pageToken: token }) {
      const asked = {
        peerId: peerId.toLowerCase(),
        direction,
        refusedOnly,
        before: readPageToken(token),
        limit: pageSize || DEFAULT_LIMIT,
        since: since && timestampDate(since),
        until: until && timestampDate(until),
      }
      const { calls, more } = await act((tx, now) => listDecisions(tx, now, asked))
      const last = calls.at(-1)
      return {
        decisions: calls.map(({ body }) => decisionFromBody(body)),
        nextPageToken: more && last ? pageToken(last) : '',
      }
    },
  }
}
const STANDS = { sequence: 0, treeSize: 0 }
