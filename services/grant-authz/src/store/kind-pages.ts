import { create } from '@bufbuild/protobuf'
import { PolicyPageSchema, type PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { sql } from 'kysely'
import { servedToWire } from '../wire-resource.ts'
import * as kinds from './kinds.ts'
import type { GrantTx } from './tables.ts'

/** The kinds that somebody serves, as a whole, when one of them changed: what nobody serves is no kind at the border. */
export async function* kindPages(tx: GrantTx, since: bigint | undefined): AsyncGenerator<PolicyPage> {
  if (since !== undefined) {
    const { rows } = await sql`select 1 from catalogue where epoch > ${since.toString()}`.execute(tx)
    if (rows.length === 0) return
  }
  const own = await kinds.ownAddress(tx)
  const served = (await kinds.all(tx)).filter(({ server }) => server.service !== '')
  yield create(PolicyPageSchema, { servedKinds: { kinds: served.map((kind) => servedToWire(kind, own)) } })
}
