import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { PolicyPageSchema, type PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import * as rows from '../store/policy-rows.ts'
import type { GrantTx } from '../store/tables.ts'
import { GrantPages } from './grant-pages.ts'
import type { PolicyPart } from './policy-part.ts'

/** A read of so many grants takes a few milliseconds: as long as it takes to encode those before. */
const AT_ONCE = 2_000
/** As many grants as one peer is checked for. */
export const MOST_OF_ONE_PEER = 10_000
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000'
const AFTER_ALL = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

type Read = (last: rows.GrantToTell | undefined) => Promise<rows.GrantToTell[]>

/** The grants that gateways hold: all that are not archived, so that what is revoked or expired can be told from what never was. */
export const grantPart: PolicyPart = {
  readAll: (tx) => inPages((last) => rows.grantsAfter(tx, last?.id ?? BEFORE_ALL, AT_ONCE)),
  readSince: (tx, epoch) =>
    inPages((last) =>
      rows.grantsSince(tx, last ? { epoch: last.epoch, last: last.id } : { epoch, last: AFTER_ALL }, AT_ONCE),
    ),
  readOf: (tx, peerId) => readable(() => rows.grantsOf(tx, peerId, MOST_OF_ONE_PEER)),
}

/** Just one grant of a peer. */
export const readGrantOf = (tx: GrantTx, peerId: string, id: string): AsyncIterable<PolicyPage> =>
  readable(() => rows.grantOf(tx, peerId, id))

/** Rows as pages; the next ones are read while those before are encoded and sent. */
async function* inPages(read: Read): AsyncGenerator<PolicyPage> {
  const pages = new GrantPages()
  let next: Promise<rows.GrantToTell[]> | undefined = read(undefined)
  while (next) {
    const found: rows.GrantToTell[] = await next
    next = found.length < AT_ONCE ? undefined : read(found.at(-1))
    next?.catch(() => {}) // thrown where it is awaited; nobody awaits it when the reader leaves in between
    for (const row of found) {
      const page = pages.add(row)
      if (page) yield page
    }
  }
  const last = pages.take()
  if (last) yield last
}

/** The same, as pages whose grants can be looked at. */
async function* readable(read: () => Promise<rows.GrantToTell[]>): AsyncGenerator<PolicyPage> {
  const pages = new GrantPages()
  const filled: PolicyPage[] = []
  for (const row of await read()) filled.push(pages.add(row) ?? create(PolicyPageSchema))
  for (const page of [...filled, pages.take()])
    if (page?.$unknown) yield fromBinary(PolicyPageSchema, toBinary(PolicyPageSchema, page))
}
