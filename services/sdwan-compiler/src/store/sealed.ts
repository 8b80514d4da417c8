import { sql } from 'kysely'
import { SEALED } from '../overlay.ts'
import { networkSecretContext } from '../secrets.ts'
import type { SdwanTx } from './tables.ts'

/** One secret at rest: whose it is, what it is sealed under, and how to put it back. */
export type SealedValue = {
  readonly kind: 'network' | 'our_half' | 'their_half'
  /** Of the network, or of the peer. */
  readonly id: string
  readonly context: string
  readonly sealed: Buffer
  readonly replace: (sealed: Buffer) => Promise<unknown>
}

type Row = { readonly id: string; readonly sealed: Buffer }

/** Every secret this schema keeps. */
export const all = (tx: SdwanTx): Promise<readonly SealedValue[]> => read(tx, sql``)

/** As `all`, each row locked: who seals anew MUST NOT overwrite what is being changed. */
export const lockAll = (tx: SdwanTx): Promise<readonly SealedValue[]> => read(tx, sql`for update`)

async function read(tx: SdwanTx, lock: ReturnType<typeof sql>): Promise<readonly SealedValue[]> {
  const networks = await sql<Row>`select network_id as id, sealed from network_secret order by network_id ${lock}`.execute(tx) // prettier-ignore
  const ours = await sql<Row>`
    select peer_id as id, half_sealed as sealed from overlay_offer where half_sealed is not null order by peer_id ${lock}`.execute(tx) // prettier-ignore
  const theirs = await sql<Row>`
    select peer_id as id, half_sealed as sealed from heard_overlay where half_sealed is not null order by peer_id ${lock}`.execute(tx) // prettier-ignore
  return [
    ...networks.rows.map(({ id, sealed }): SealedValue => ({
      kind: 'network',
      id,
      sealed,
      context: networkSecretContext(id),
      replace: (anew) => sql`update network_secret set sealed = ${anew} where network_id = ${id}`.execute(tx),
    })),
    ...ours.rows.map(({ id, sealed }): SealedValue => ({
      kind: 'our_half',
      id,
      sealed,
      context: SEALED.ourHalf(id),
      replace: (anew) => sql`update overlay_offer set half_sealed = ${anew} where peer_id = ${id}`.execute(tx),
    })),
    ...theirs.rows.map(({ id, sealed }): SealedValue => ({
      kind: 'their_half',
      id,
      sealed,
      context: SEALED.theirHalf(id),
      replace: (anew) => sql`update heard_overlay set half_sealed = ${anew} where peer_id = ${id}`.execute(tx),
    })),
  ]
}
