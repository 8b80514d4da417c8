import type { ServiceImpl } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { Refusal, type CallersTable } from '@powernode/rpc'
import { listGrants } from '../operations/grants/list-grants.ts'
import type { GrantTx, Tables } from '../store/tables.ts'
import { isUuid } from '../uuid.ts'
import { toWire } from '../wire.ts'

/** Who may call each RPC. */
export const GRANT_CALLERS = {
  listGrants: ['operator'],
} as const satisfies CallersTable<typeof GrantAuthzService>

const DEFAULT_PAGE = 100

export function grantHandlers({ db, clock }: { db: Db<Tables>; clock: Clock }): ServiceImpl<typeof GrantAuthzService> {
  const act = <T>(verb: (tx: GrantTx, now: Date) => Promise<T>) => inTransaction(db, (tx) => verb(tx, clock.now()))

  return {
    async listGrants({ peerId, pageSize, pageToken }) {
      if (peerId !== '' && !isUuid(peerId)) throw new Refusal('PEER_NOT_FOUND', `${peerId} is no id of a peer`)
      const last = pageToken === '' ? undefined : fromPageToken(pageToken)
      const said = { peerId, last, limit: pageSize || DEFAULT_PAGE }
      return act(async (tx, now) => {
        const { grants, next } = await listGrants(tx, now, said)
        return { grants: grants.map((grant) => toWire(grant, now)), nextPageToken: next ? toPageToken(next) : '' }
      })
    },
  }
}

function toPageToken(id: string): string {
  return Buffer.from(id).toString('base64url')
}

function fromPageToken(token: string): string {
  const id = Buffer.from(token, 'base64url').toString()
  if (!isUuid(id)) throw new Refusal('PAGE_TOKEN_INVALID', 'the page token is not one that this list has given out')
  return id
}
