import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { ServiceImpl } from '@connectrpc/connect'
import type { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { getDecision } from '../operations/get-decision.ts'
import { listDecisions } from '../operations/list-decisions.ts'
import { decisionFromBody, pageToken, readPageToken } from './decision-wire.ts'
import { actIn, type DoorDeps } from './door.ts'

type Handlers = Pick<ServiceImpl<typeof AuditLedgerService>, 'getDecision' | 'listDecisions'>

export const DECISION_CALLERS = {
  getDecision: ['system.federation.read'],
  // Which grants are used, for reviews.
  listDecisions: ['system.federation.read', 'service/grant-authz', 'service/liveness'],
} as const

const DEFAULT_LIMIT = 100

/** What was decided about calls across the border, as the gateway wrote it down: read by operators and by what-if. */
export function decisionHandlers(deps: DoorDeps): Handlers {
  const act = actIn(deps)

  return {
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
